# Provider tables on rotterdam with invented providers (pid mod 12).
source(file.path(commandArgs(TRUE)[1], "tests", "reference", "scripts", "common.R"))
suppressPackageStartupMessages(library(prodlim))
people <- read_rotterdam()
times <- c(1, 3, 5) * YEAR
providers <- sort(unique(people$provider))
control <- coxph.control(eps = 1e-11)
national <- coxph(cox_formula("Surv(dtime, death)"), people, control = control)
H <- step_function(basehaz(national, centered = FALSE))
X <- as.matrix(people[, COVARIATES])
risk <- exp(as.vector(X %*% coef(national)))
by_provider <- coxph(cox_formula("Surv(dtime, death)", c(COVARIATES, "strata(provider)")), people, control = control)
own_base <- basehaz(by_provider, centered = FALSE)
own_risk <- exp(as.vector(X %*% coef(by_provider)))
pseudo_values <- jackknife(prodlim(Hist(dtime, death) ~ 1, data = people), times = times)
strip <- function(x) sub("provider=", "", as.character(x))

at_time <- function(k) {
  t <- times[k]
  S <- exp(-H(t) * risk)
  S_nat <- summary(survfit(Surv(dtime, death) ~ 1, people), times = t)$surv
  O <- as.integer(people$death == 1 & people$dtime <= t)
  E <- H(pmin(people$dtime, t)) * risk
  km <- summary(survfit(Surv(dtime, death) ~ provider, people, conf.type = "log-log"), times = t, extend = TRUE)
  # leaves out those censored before t: kept as a check of the regression only
  followed <- people$dtime >= t | people$death == 1
  d <- people[followed, ]
  d$y <- as.integer(d$dtime <= t & d$death == 1)
  logit <- glm(cox_formula("y"), binomial, d, control = list(epsilon = 1e-12, maxit = 50))
  d$ph <- fitted(logit)
  # Rao's score test of a term for each provider
  rao <- function(j) {
    d$own <- d$provider == j
    plain <- glm(cox_formula("y"), binomial, d, control = list(epsilon = 1e-12, maxit = 50))
    anova(plain, glm(cox_formula("y", c(COVARIATES, "own")), binomial, d), test = "Rao")[2, "Rao"]
  }
  people$py <- pseudo_values[, k]
  people$fit <- fitted(lm(cox_formula("py"), people))
  residual <- people$py - S
  residual <- residual - mean(residual)
  score <- score_providers(people$py - S, S, X, people$provider)
  one <- function(j) {
    i <- people$provider == j
    dj <- d[d$provider == j, ]
    o <- sum(O[i])
    e <- sum(E[i])
    row <- strip(km$strata) == j
    base <- own_base[strip(own_base$strata) == j, ]
    Hj <- step_function(base)(t)
    diff <- people$py[i] - people$fit[i]
    Sexp <- mean(S[i])
    adjusted <- function(s) if (km$surv[row] > 0 && km$surv[row] < 1) S_nat^(log(s) / log(Sexp)) else NA
    below <- ppois(o - 1, e) + .5 * dpois(o, e)
    data.frame(
      dataset = "rotterdam_pid_mod12", t_days = t, provider = j, n = sum(i), n_cens_before_t = sum(i & !followed), O = o,
      E_cumhaz = e, SMR = o / e, smr_lo_exact = if (o == 0) 0 else qchisq(.025, 2 * o) / 2 / e,
      smr_hi_exact = qchisq(.975, 2 * o + 2) / 2 / e, z_oe = (o - e) / sqrt(e), km = km$surv[row],
      km_lo = km$lower[row], km_hi = km$upper[row], S_national_km = S_nat, S_expected_mean = Sexp,
      S_expected_overall = mean(S), RA_cumhaz = S_nat^(o / e),
      RA_km_mortality_ratio = 1 - (1 - km$surv[row]) / (1 - Sexp) * (1 - S_nat), logit_n = nrow(dj),
      logit_O = sum(dj$y), logit_E = sum(dj$ph), logit_nat_mort = mean(d$y),
      RA_logit_survival = 1 - sum(dj$y) / sum(dj$ph) * mean(d$y), logit_varO = sum(dj$ph * (1 - dj$ph)),
      logit_score = sign(sum(dj$y) - sum(dj$ph)) * sqrt(rao(j)),
      pseudo_mean = mean(people$py[i]), pseudo_expected = mean(people$fit[i]),
      RA_pseudo_difference = S_nat + mean(diff), RA_pseudo_se = sd(diff) / sqrt(sum(i)),
      RA_stratcox_direct = mean(exp(-Hj * own_risk)), RA_D_kmratio_loglog = adjusted(km$surv[row]),
      RA_D_lo = adjusted(km$lower[row]), RA_D_hi = adjusted(km$upper[row]),
      RA_C_pseudo_cox = S_nat + mean(residual[i]), z_C = score$z[score$provider == j],
      std_error_C = score$std_error[score$provider == j], midp_cdf_B = below, z_B_midp = qnorm(below),
      RA_Bprime = mean(exp(-(o / e) * H(t) * risk)))
  }
  do.call(rbind, lapply(providers, one))
}
write_table(do.call(rbind, lapply(1:3, at_time)), "provider_rotterdam.csv")
