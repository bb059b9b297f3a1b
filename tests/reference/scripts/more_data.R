# Other data than rotterdam: lung (small, missing values), mgus2 (delayed entry on the age scale, competing risks), pbc
# (strata, a factor, invented providers); pooling; spline basis.
source(file.path(commandArgs(TRUE)[1], "tests", "reference", "scripts", "common.R"))
suppressPackageStartupMessages(library(prodlim))
read_data <- function(name) read.csv(file.path(ROOT, "tests", "reference", "data", paste0(name, ".csv")))
lung <- subset(read_data("lung"), !is.na(ph.ecog))
lung$ecog <- factor(pmin(lung$ph.ecog, 2))
mgus2 <- subset(read_data("mgus2"), futime > 0 & !is.na(hgb) & !is.na(creat))
# months as fractions of a year: the same age is not always the same floating-point number
mgus2$start <- mgus2$age
mgus2$end <- mgus2$age + mgus2$futime / 12
pbc <- within(read_data("pbc"), {
  lbili <- log(bili)
  provider <- sprintf("P%d", id %% 6)
})

# --- Kaplan-Meier, at times and the printed table
curve <- function(name, fit, times) {
  s <- summary(fit, times = times, extend = TRUE)
  data.frame(data = name, group = sub(".*=", "", as.character(s$strata)), time = s$time, survival = s$surv,
             std_error = s$std.err, lower = s$lower, upper = s$upper)
}
lung_km <- survfit(Surv(time, status == 2) ~ sex, lung, conf.type = "log-log")
mgus2_km <- survfit(Surv(start, end, death) ~ sex, mgus2, conf.type = "log-log")
write_table(rbind(curve("lung", lung_km, c(100, 365, 730, 1022)), curve("mgus2", mgus2_km, c(50, 60, 70, 80, 90, 100))),
            "more_kaplan_meier.csv")
summary_rows <- function(name, fit) {
  x <- summary(fit)$table
  data.frame(data = name, group = sub(".*=", "", rownames(x)), n = x[, "records"], median = x[, "median"],
             lower = x[, "0.95LCL"], upper = x[, "0.95UCL"])
}
write_table(rbind(summary_rows("lung", lung_km), summary_rows("mgus2", mgus2_km)), "more_medians.csv")

# --- competing risks by sex: progression, death without it
cause <- with(mgus2, ifelse(pstat == 1, 1, 2 * death))
months <- with(mgus2, ifelse(pstat == 1, ptime, futime))
s <- summary(survfit(Surv(months, factor(cause, 0:2)) ~ sex, mgus2), times = c(60, 120, 240))
write_table(data.frame(group = rep(sub("sex=", "", s$strata), 2), cause = rep(1:2, each = length(s$time)),
                       time = rep(s$time, 2), incidence = as.vector(s$pstate[, 2:3]),
                       std_error = as.vector(s$std.err[, 2:3])), "more_aalen_johansen.csv")

# --- Cox models, their tests of proportional hazards, and expected survival of the first people
control <- coxph.control(eps = 1e-11, iter.max = 50)
fits <- list(
  lung = coxph(Surv(time, status == 2) ~ age + sex + ecog, lung, control = control, x = TRUE),
  mgus2 = coxph(Surv(start, end, death) ~ hgb + creat + sex, mgus2, control = control, x = TRUE),
  pbc = coxph(Surv(time, status == 2) ~ age + edema + lbili + albumin + sex + strata(trt), pbc, control = control,
              x = TRUE))
write_table(do.call(rbind, lapply(names(fits), function(name) {
  fit <- fits[[name]]
  data.frame(data = name, term = names(coef(fit)), coef = coef(fit), se = sqrt(diag(vcov(fit))), loglik = fit$loglik[2])
})), "more_cox.csv")
write_table(do.call(rbind, lapply(names(fits), function(name) {
  do.call(rbind, lapply(c("km", "rank", "identity", "log"), function(transform) {
    x <- cox.zph(fits[[name]], transform = transform, terms = FALSE)$table
    data.frame(data = name, transform = transform, term = rownames(x), chisq = x[, 1])
  }))
})), "more_cox_zph.csv")
expected_survival <- function(name, frame, times) {
  s <- summary(survfit(fits[[name]], newdata = frame[1:4, ]), times = times, extend = TRUE)
  values <- if (is.matrix(s$surv)) t(s$surv) else matrix(s$surv, nrow = 4, byrow = TRUE)
  data.frame(data = name, row = rep(0:3, length(times)), time = rep(times, each = 4), survival = as.vector(values))
}
write_table(rbind(expected_survival("lung", lung, c(100, 365, 730)), expected_survival("mgus2", mgus2, c(70, 80, 90)),
                  expected_survival("pbc", pbc, c(365, 1500, 3000))), "more_expected_survival.csv")
concordant <- function(name) {
  x <- concordance(fits[[name]])
  data.frame(data = name, concordance = unname(x$concordance), concordant = x$count[["concordant"]],
             discordant = x$count[["discordant"]], tied_risk = x$count[["tied.x"]])
}
write_table(concordant("lung"), "more_concordance.csv")

# --- residuals in strata one of which says nothing (three people, one ECOG 3)
odd <- subset(read_data("lung"), !is.na(ph.ecog))
x <- cox.zph(coxph(Surv(time, status == 2) ~ age + sex + strata(ph.ecog), odd, control = control), terms = FALSE)
kept <- x$strata != "ph.ecog=3"
y <- data.frame(time = x$time, x$y)[kept, ]
y <- y[order(y$time, y$age), ]
write_table(y[seq(1, nrow(y), by = 8), ], "more_scaled_residuals.csv")

# --- risk-adjusted survival of invented providers, stratified and calibrated
fit <- fits$pbc
base <- basehaz(fit, centered = TRUE)
hazard <- function(t) {
  t <- rep_len(t, nrow(pbc))
  result <- numeric(nrow(pbc))
  for (stratum in unique(as.character(base$strata))) {
    one <- base[base$strata == stratum, ]
    mine <- paste0("trt=", pbc$trt) == stratum
    result[mine] <- c(0, one$hazard)[findInterval(t[mine], one$time) + 1]
  }
  result * exp(fit$linear.predictors)
}
dead <- pbc$status == 2
tables <- lapply(c(1000, 2500), function(t) {
  S <- exp(-hazard(t))
  E <- hazard(pmin(pbc$time, t))
  O <- dead & pbc$time <= t
  national <- summary(survfit(Surv(time, status == 2) ~ 1, pbc), times = t)$surv
  pseudo_values <- as.vector(jackknife(prodlim(Hist(time, event) ~ 1, data = data.frame(time = pbc$time, event = dead)),
                                       times = t))
  # each stratum has a baseline of its own: its indicator is among the covariates
  score <- score_providers(pseudo_values - S, S, cbind(model.matrix(fit), pbc$trt == max(pbc$trt)), pbc$provider)
  km <- summary(survfit(Surv(time, status == 2) ~ provider, pbc, conf.type = "log-log"), times = t, extend = TRUE)
  do.call(rbind, lapply(sort(unique(pbc$provider)), function(j) {
    i <- pbc$provider == j
    k <- which(sub("provider=", "", km$strata) == j)
    Sx <- mean(S[i])^(log(national) / log(mean(S)))
    e <- sum(E[i]) * sum(O) / sum(E)
    o <- sum(O[i])
    adjusted <- function(s) national^(log(s) / log(Sx))
    low <- ppois(o - 1, e) + dpois(o, e) / 2
    data.frame(provider = j, time = t, n = sum(i), n_risk = km$n.risk[k], observed = o, expected = e,
               survival_unadjusted = km$surv[k], survival_expected = Sx, survival_adjusted = adjusted(km$surv[k]),
               lower = adjusted(km$lower[k]), upper = adjusted(km$upper[k]),
               z = score$z[score$provider == j], early_warning_z = qnorm(low),
               std_error = score$std_error[score$provider == j])
  }))
})
write_table(do.call(rbind, tables), "more_providers_pbc.csv")

# --- Rubin's rules
cases <- expand.grid(m = c(2, 5, 20), df = c(Inf, 12, 400))
write_table(do.call(rbind, Map(function(m, df) {
  q <- sin(seq_len(m)) + 1
  u <- 0.3 + cos(seq_len(m))^2
  x <- mice::pool.scalar(q, u, n = df + 1, k = 1)
  data.frame(m = m, df_complete = if (is.finite(df)) df else NA, estimate = x$qbar, total = x$t, riv = x$r,
             df = if (is.finite(x$df)) x$df else NA, fmi = x$fmi)
}, cases$m, cases$df)), "more_pool.csv")
