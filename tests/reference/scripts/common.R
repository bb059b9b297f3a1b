# Shared by the scripts of this folder. recreate.R runs each in a process of its own, with arguments ROOT (the project)
# and OUT (where to write): survfit and survexp look up the data of a fit in the global environment.
ROOT <- commandArgs(TRUE)[1]
OUT <- commandArgs(TRUE)[2]
suppressPackageStartupMessages(library(survival))
YEAR <- 365.25

write_table <- function(frame, name) {
  frame <- as.data.frame(frame)
  number <- vapply(frame, is.numeric, TRUE)
  for (column in names(frame)[number]) {
    frame[[column]] <- ifelse(is.na(frame[[column]]), NA, trimws(sprintf("%.17g", as.double(frame[[column]]))))
  }
  write.csv(frame, file.path(OUT, name), row.names = FALSE, quote = which(!number), na = "")
}

write_json_values <- function(values, name) {
  jsonlite::write_json(values, file.path(OUT, name), digits = NA, auto_unbox = TRUE, pretty = TRUE)
}

every_20th <- function(frame) frame[seq(1, nrow(frame), by = 20), , drop = FALSE]

read_rotterdam <- function() {
  people <- read.csv(file.path(ROOT, "data", "open", "rotterdam.csv"), stringsAsFactors = FALSE)
  within(people, {
    agec <- (age - 55) / 10
    size2050 <- as.integer(size == "20-50")
    size50 <- as.integer(size == ">50")
    grade3 <- as.integer(grade == 3)
    nodes_c <- pmin(nodes, 15)
    lpgr <- log1p(pgr)
    ler <- log1p(er)
    provider <- sprintf("P%02d", pid %% 12)
  })
}

COVARIATES <- c("agec", "meno", "size2050", "size50", "grade3", "nodes_c", "lpgr", "ler", "hormon", "chemo")
cox_formula <- function(left, covariates = COVARIATES) as.formula(paste(left, "~", paste(covariates, collapse = "+")))
step_function <- function(base) approxfun(c(0, base$time), c(0, base$hazard), method = "constant", rule = 2)

# How far each provider's sum of residuals lies from zero: own variance, less what the provider contributes to its own
# expectation, and the tail of a gamma distribution with the skewness of the sum. Written from the formulae, with
# matrices where the program has an orthogonal basis.
score_providers <- function(residual, S, X, provider) {
  residual <- residual - mean(residual)
  v <- S * (1 - S)
  X <- cbind(1, X)
  inverse <- solve(crossprod(X, v * X))
  leverage <- v * rowSums((X %*% inverse) * X)
  inflation <- sum(residual^2) / sum(v * (1 - leverage))
  third <- v * (2 * S - 1)
  do.call(rbind, lapply(sort(unique(provider)), function(j) {
    i <- provider == j
    w <- colSums(v[i] * X[i, , drop = FALSE])
    own <- as.vector(w %*% inverse %*% w)
    left <- sum(v[i]) - own
    enters <- i - as.vector(X %*% inverse %*% w)
    stopifnot(all.equal(sum(enters^2 * v), left))
    skewness <- sum(enters^3 * third) / left^1.5
    error <- sqrt(inflation * left)
    z <- -sum(residual[i]) / error
    shape <- 4 / skewness^2
    deaths <- shape + sign(skewness) * z * sqrt(shape)
    above <- pgamma(deaths, shape, lower.tail = skewness < 0)
    below <- pgamma(deaths, shape, lower.tail = skewness > 0)
    score <- if (above < below) -qnorm(above) else qnorm(below)
    data.frame(provider = j, z = score, std_error = error / sum(i))
  }))
}
