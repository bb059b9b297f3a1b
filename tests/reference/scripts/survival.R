# Kaplan-Meier, Aalen-Johansen, log-rank, Cox, proportional hazards, pseudo-observations on rotterdam.
source(file.path(commandArgs(TRUE)[1], "tests", "reference", "scripts", "common.R"))
people <- read_rotterdam()
times <- c(1, 3, 5) * YEAR

# --- Kaplan-Meier at 1, 3, 5 years, with log-log limits
curve_at <- function(dataset, group) {
  data <- data.frame(t = people$dtime, s = people$death, g = as.character(group))
  s <- summary(survfit(Surv(t, s) ~ g, data, conf.type = "log-log"), times = times, extend = TRUE)
  stratum <- if (is.null(s$strata)) "all" else sub("^g=", "", as.character(s$strata))
  data.frame(dataset = dataset, stratum = stratum, conf_type = "log-log", time = s$time, n_risk = s$n.risk,
             surv = s$surv, std_err = s$std.err, lower = s$lower, upper = s$upper)
}
write_table(rbind(curve_at("rotterdam_death", rep("all", nrow(people))),
                  curve_at("rotterdam_death_by_grade", people$grade),
                  curve_at("rotterdam_death_by_size", people$size)), "km_at_times.csv")

# --- median, log-rank
whole <- survfit(Surv(dtime, death) ~ 1, people, conf.type = "log-log")
half <- quantile(whole, 0.5)
test <- function(formula) {
  x <- survdiff(formula, people)
  df <- length(x$n) - 1
  list(chisq = x$chisq, df = df, p = pchisq(x$chisq, df, lower.tail = FALSE), obs = as.vector(x$obs),
       exp = as.vector(x$exp), n = as.vector(x$n))
}
people$size_level <- factor(people$size, levels = c("<=20", "20-50", ">50"))
write_json_values(list(
  median_loglog = list(rotterdam = list(median = unname(half$quantile), lower = unname(half$lower),
                                        upper = unname(half$upper))),
  logrank = list(rotterdam_grade = test(Surv(dtime, death) ~ grade),
                 rotterdam_size = test(Surv(dtime, death) ~ size_level))
), "km_median_logrank.json")

# --- delayed entry at recurrence, and the clock reset there
rec <- subset(people, recur == 1 & dtime > rtime)
rows <- function(clock, fit, at) {
  s <- summary(fit, times = at, extend = TRUE)
  data.frame(clock = clock, time = s$time, n_risk = s$n.risk, surv = s$surv, std_err = s$std.err, lower = s$lower,
             upper = s$upper)
}
write_table(rbind(
  rows("from_primary_delayed_entry", survfit(Surv(rtime, dtime, death) ~ 1, rec, conf.type = "log-log"),
       c(times, 10 * YEAR)),
  rows("reset_at_recurrence", survfit(Surv(dtime - rtime, death) ~ 1, rec, conf.type = "log-log"), times)
), "km_rotterdam_recurrent_left_truncation.csv")

# --- competing risks: recurrence, death without recurrence
cause <- ifelse(people$recur == 1, 1, ifelse(people$death == 1, 2, 0))
time <- ifelse(people$recur == 1, people$rtime, people$dtime)
s <- summary(survfit(Surv(time, factor(cause, 0:2, c("cens", "recur", "death"))) ~ 1), times = times)
write_table(data.frame(time = s$time, cif_recur = s$pstate[, 2], cif_death = s$pstate[, 3], se_recur = s$std.err[, 2],
                       se_death = s$std.err[, 3]), "aalen_johansen_rotterdam.csv")

# --- Cox
control <- coxph.control(eps = 1e-12, iter.max = 50, toler.chol = 1e-13)
coefficients <- function(fit, model, ties) {
  z <- summary(fit)$coefficients
  se <- sqrt(diag(vcov(fit)))
  data.frame(model = model, ties = ties, term = rownames(z), coef = coef(fit), se = se, z = coef(fit) / se,
             p = z[, ncol(z)], loglik = fit$loglik[2], n = fit$n, nevent = fit$nevent, row.names = NULL)
}
whole_formula <- cox_formula("Surv(dtime, death)")
efron <- coxph(whole_formula, people, ties = "efron", control = control, x = TRUE)
breslow <- coxph(whole_formula, people, ties = "breslow", control = control)
stratified <- coxph(update(whole_formula, . ~ . - meno + strata(meno)), people, control = control)
delayed <- coxph(cox_formula("Surv(rtime, dtime, death)"), rec, control = control)
write_table(rbind(coefficients(efron, "rotterdam_death", "efron"), coefficients(breslow, "rotterdam_death", "breslow"),
                  coefficients(stratified, "rotterdam_death_strata_meno", "efron"),
                  coefficients(delayed, "rotterdam_recurrent_delayed_entry", "efron")), "cox_coefficients.csv")
write.csv(vcov(efron), file.path(OUT, "cox_rotterdam_efron_vcov.csv"))
for (ties in c("efron", "breslow")) {
  base <- basehaz(if (ties == "efron") efron else breslow, centered = FALSE)
  write_table(every_20th(data.frame(time = base$time, H0_x0 = base$hazard)),
              sprintf("cox_rotterdam_basehaz_%s_x0.csv", ties))
}
H <- step_function(basehaz(efron, centered = FALSE))
lp <- as.vector(as.matrix(people[, COVARIATES]) %*% coef(efron))
S <- sapply(times, function(t) exp(-H(t) * exp(lp)))
write_table(every_20th(data.frame(pid = people$pid, lp = lp, S1 = S[, 1], S3 = S[, 2], S5 = S[, 3])),
            "cox_rotterdam_individual_predictions.csv")

# --- expected survival of groups
direct <- survexp(~grade, data = people, ratetable = efron, method = "ederer", times = times)
all_times <- sort(unique(c(people$dtime, times)))
conditional <- survexp(Surv(dtime, death) ~ grade, data = people, ratetable = efron, method = "conditional",
                       times = all_times)
everybody <- survexp(~1, data = people, ratetable = efron, method = "ederer", times = times)
k <- match(times, conditional$time)
frame <- function(method, grade, time, surv) data.frame(method = method, grade = grade, time = time, surv = surv)
write_table(rbind(
  frame("ederer(direct average of individual S_i(t))", rep(c(2, 3), each = 3), rep(times, 2), as.vector(direct$surv)),
  frame("conditional(Ederer II, all event times)", rep(c(2, 3), each = 3), rep(times, 2),
        as.vector(conditional$surv[k, ])),
  frame("ederer(direct)", NA, times, everybody$surv)
), "survexp_cox_rotterdam.csv")

# --- proportional hazards
zph <- function(transform) {
  x <- cox.zph(efron, transform = transform, terms = FALSE)$table
  data.frame(model = "rotterdam", transform = transform, term = rownames(x), chisq = x[, 1], df = x[, 2], p = x[, 3],
             row.names = NULL)
}
write_table(do.call(rbind, lapply(c("km", "rank", "identity", "log"), zph)), "cox_zph.csv")

# --- pseudo-observations: infinitesimal (survival) and exact (prodlim) jackknife
suppressPackageStartupMessages(library(prodlim))
ij <- pseudo(survfit(Surv(dtime, death) ~ 1, people), times = times)
exact <- jackknife(prodlim(Hist(dtime, death) ~ 1, data = people), times = times)
write_table(every_20th(data.frame(pid = people$pid, ij_1y = ij[, 1], ij_3y = ij[, 2], ij_5y = ij[, 3],
                                  jack_1y = exact[, 1], jack_3y = exact[, 2], jack_5y = exact[, 3])),
            "pseudo_observations_rotterdam.csv")
