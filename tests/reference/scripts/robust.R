# Robust covariance of Cox models with clusters, and the standard errors of Harrell's and Uno's concordance.
source(file.path(commandArgs(TRUE)[1], "tests", "reference", "scripts", "common.R"))
control <- coxph.control(eps = 1e-12, iter.max = 50, toler.chol = 1e-13)
people <- read_rotterdam()
people$months <- ceiling(people$dtime / (YEAR / 12))  # many tied deaths, and censorings in the months of deaths
rec <- subset(people, recur == 1 & dtime > rtime)

# --- covariance of coefficients: each person, and each invented provider, a cluster
formulas <- list(days = cox_formula("Surv(dtime, death)"), months = cox_formula("Surv(months, death)"),
                 strata = cox_formula("Surv(months, death)", c(setdiff(COVARIATES, "meno"), "strata(meno)")),
                 entry = cox_formula("Surv(rtime, dtime, death)"))
robust <- function(name) {
  data <- if (name == "entry") rec else people
  one <- function(members, label) {
    data$member <- members
    fit <- coxph(formulas[[name]], data, control = control, ties = "efron", cluster = member)
    rows <- expand.grid(row = names(coef(fit)), column = names(coef(fit)), stringsAsFactors = FALSE)
    cbind(data.frame(model = name, cluster = label), rows, covariance = as.vector(fit$var))
  }
  rbind(one(seq_len(nrow(data)), "person"), one(data$provider, "provider"))
}
table <- do.call(rbind, lapply(names(formulas), robust))
write_table(subset(table, match(row, unique(row)) <= match(column, unique(row))), "robust_cox.csv")

# --- concordance; the score is rounded, so that risks are tied too
fit <- coxph(cox_formula("Surv(dtime, death)"), people, control = control)
people$risk <- round(as.matrix(people[COVARIATES]) %*% coef(fit), 1)[, 1]
concordant <- function(name, timewt, at) {
  time <- people[[name]]
  x <- concordance(Surv(time, people$death) ~ people$risk, reverse = TRUE, timewt = timewt,
                   ymax = if (is.na(at)) NULL else at)
  data.frame(time_unit = name, weight = timewt, at = at, concordance = unname(x$concordance), variance = unname(x$var))
}
years <- c(1, 3, 5)
write_table(rbind(concordant("dtime", "n", NA), concordant("months", "n", NA),
                  do.call(rbind, lapply(years, function(y) concordant("dtime", "n/G2", y * YEAR))),
                  do.call(rbind, lapply(years, function(y) concordant("months", "n/G2", y * 12)))),
            "concordance_variance.csv")
