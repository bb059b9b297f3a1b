# Intervals, funnel limits, false-alarm rates, classification, overdispersion.
source(file.path(commandArgs(TRUE)[1], "tests", "reference", "scripts", "common.R"))
clip <- function(x) pmin(pmax(x, 0), 1)

# --- proportions
wilson <- function(x, n, level) {
  z <- qnorm(1 - (1 - level) / 2)
  p <- x / n
  centre <- (p + z^2 / (2 * n)) / (1 + z^2 / n)
  half <- z * sqrt(p * (1 - p) / n + z^2 / (4 * n^2)) / (1 + z^2 / n)
  c(max(0, centre - half), min(1, centre + half))
}
cases <- expand.grid(n = c(1, 2, 5, 7, 10, 20, 37, 50, 100, 250, 1000, 10661),
                     f = c(0, .01, .05, .083, .207, .349, .5, .612, .75, .97, 1))
cases$x <- round(cases$n * cases$f)
cases <- unique(cases[, c("x", "n")])
cases <- rbind(cases, data.frame(
  x = c(65, 1045, 6523, 27, 67, 376, 912, 11, 1302, 4, 1170, 80, 1),
  n = c(100, 5000, 10661, 471, 106, 4529, 10555, 41, 3732, 10, 1560, 100, 3)))
one <- function(x, n, level) {
  w <- wilson(x, n, level)
  data.frame(x = x, n = n, conf = level, wilson_lo = w[1], wilson_hi = w[2])
}
table <- do.call(rbind, lapply(c(.95, .998), function(l) do.call(rbind, Map(one, cases$x, cases$n, l))))
keep <- (seq_len(nrow(table)) %% 2 == 1) | table$x == 0 | table$x == table$n
write_table(table[keep, ], "proportion_ci.csv")

# --- counts and ratios
exact_low <- function(o, a) ifelse(o == 0, 0, qchisq(a / 2, 2 * o) / 2)
exact_high <- function(o, a) qchisq(1 - a / 2, 2 * o + 2) / 2
count <- function(o, level) {
  data.frame(O = o, conf = level, exact_lo = exact_low(o, 1 - level), exact_hi = exact_high(o, 1 - level))
}
observed <- c(0:15, 20, 25, 50, 65, 100, 250, 376, 1000, 1045)
write_table(do.call(rbind, lapply(c(.95, .998), function(l) do.call(rbind, lapply(observed, count, level = l)))),
            "poisson_count_ci.csv")
ratios <- data.frame(O = c(0, 3, 9, 10, 14, 25, 91, 151, 895),
                     E = c(2.1, 5.25, 8.3, 12.7, 9.6, 20.4, 835.8835612311743, 106.4429719, 835.8835612311743))
ratio <- function(level) {
  a <- 1 - level
  with(ratios, data.frame(O, E, conf = level, smr = O / E, exact_lo = exact_low(O, a) / E,
                          exact_hi = exact_high(O, a) / E))
}
write_table(rbind(ratio(.95), ratio(.998)), "smr_ci.csv")

# --- funnel limits: Spiegelhalter (2005) A.1.1
interpolated <- function(quantile, cdf, p) {
  r <- quantile(p)
  r - (cdf(r) - p) / (cdf(r) - cdf(r - 1))
}
binomial <- function(n, t, p) interpolated(function(p) qbinom(p, n, t), function(r) pbinom(r, n, t), p) / n
TARGETS <- c(.083, .207, .349, .612, .75)
P <- c(l998 = .001, l95 = .025, u95 = .975, u998 = .999)
n <- c(5:10, 12, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 300, 500, 750, 1000)
limits <- function(t, k) {
  p <- P[[k]]
  z <- qnorm(p)
  raw <- binomial(n, t, p)
  normal <- t + z * sqrt(t * (1 - t) / n)
  angle <- pmin(pmax(asin(sqrt(t)) + z / (2 * sqrt(n)), 0), pi / 2)
  data.frame(theta0 = t, n = n, limit = names(P)[k], p = p, exact_r_qbinom = qbinom(p, n, t),
             spiegelhalter_exact_interp_raw = raw, spiegelhalter_exact_interp = clip(raw),
             midp_symmetric_interp = clip(raw + .5 / n), exact_tail_interp = clip(raw + (p > .5) / n),
             normal = clip(normal), normal_raw = normal, arcsine = sin(angle)^2,
             logit = plogis(qlogis(t) + z / sqrt(n * t * (1 - t))))
}
write_table(do.call(rbind, lapply(TARGETS, function(t) do.call(rbind, lapply(1:4, limits, t = t)))),
            "funnel_limits_binomial.csv")
# --- realised false-alarm probabilities under the target
rates <- function(t, n, level) {
  low <- if (level == 95) .025 else .001
  z <- qnorm(1 - low)
  r <- 0:n
  d <- dbinom(r, n, t)
  a <- binomial(n, t, low)
  b <- binomial(n, t, 1 - low)
  outside <- function(l, h) c(sum(d[r / n < l - 1e-12]), sum(d[r / n > h + 1e-12]))
  angle <- function(s) sin(pmin(pmax(asin(sqrt(t)) + s * z / (2 * sqrt(n)), 0), pi / 2))^2
  se <- sqrt(t * (1 - t) / n)
  all <- rbind(outside(a, b), outside(a + .5 / n, b + .5 / n), outside(a, b + 1 / n), outside(t - z * se, t + z * se),
               outside(angle(-1), angle(1)))
  values <- as.list(as.vector(t(all)))
  names(values) <- as.vector(t(outer(c("spieg", "midsym", "exacttail", "normal", "arcsine"), c("low", "high"), paste,
                                     sep = "_")))
  data.frame(theta0 = t, n = n, level = level, nominal_each_tail = low, values)
}
grid <- expand.grid(level = c(95, 998), n = c(10, 20, 30, 50, 100, 200, 500, 1000), t = TARGETS)
write_table(do.call(rbind, Map(rates, grid$t, grid$n, grid$level)), "funnel_false_alarm_rates.csv")

# --- the surgical hospitals
s <- read.csv(file.path(ROOT, "tests", "reference", "data", "surgical.csv"))
t0 <- sum(s$r) / sum(s$n)
at <- sapply(P, function(p) clip(binomial(s$n, t0, p)))
middle <- pbinom(s$r - 1, s$n, t0) + .5 * dbinom(s$r, s$n, t0)
share <- s$r / s$n
class <- ifelse(share > at[, 4], "high_99.8", ifelse(share > at[, 3], "high_95",
         ifelse(share < at[, 1], "low_99.8", ifelse(share < at[, 2], "low_95", "within"))))
write_table(data.frame(s, p = share, P_le = pbinom(s$r, s$n, t0), P_ge = 1 - pbinom(s$r - 1, s$n, t0),
                       midp_cdf = middle, z_midp = qnorm(middle), at, class_exact = class),
            "funnel_classification_surgical.csv")
over <- function(y, target, se, w = 0.1) {
  z <- (y - target) / se
  q <- quantile(z, c(w, 1 - w), type = 7, names = FALSE)
  zw <- pmin(pmax(z, q[1]), q[2])
  J <- length(z)
  phi <- mean(zw^2)
  W <- 1 / se^2
  tau2 <- max(0, (J * phi - (J - 1)) / (sum(W) - sum(W^2) / sum(W)))
  list(phi = phi, tau2 = tau2)
}
expected <- s$n * t0
angles <- list(asin(sqrt(share)), asin(sqrt(t0)), 1 / (2 * sqrt(s$n)))
write_json_values(list(
  theta0 = t0,
  untransformed = over(share, t0, sqrt(t0 * (1 - t0) / s$n)),
  arcsine = over(angles[[1]], angles[[2]], angles[[3]]),
  logit_cc_target_se = over(qlogis((s$r + .5) / (s$n + 1)), qlogis(t0), 1 / sqrt(s$n * t0 * (1 - t0))),
  no_winsor_arcsine = over(angles[[1]], angles[[2]], angles[[3]], w = 0),
  smr_sqrt = over(sqrt(s$r / expected), 1, 1 / (2 * sqrt(expected)))
), "overdispersion_surgical.json")
