# Reference distribution for chained equations: rotterdam with values removed, mice with m = 100 (half a minute or more).
source(file.path(commandArgs(TRUE)[1], "tests", "reference", "scripts", "common.R"))
suppressPackageStartupMessages(library(mice))
people <- read_rotterdam()
whole <- with(people, data.frame(
  pid, dtime, death, agec, size = factor(size, levels = c("<=20", "20-50", ">50")), grade3 = factor(grade3),
  erpos = factor(as.integer(er >= 10)), lpgr, nodes_c, hormon, chemo))
model <- Surv(dtime, death) ~ agec + size + grade3 + erpos + lpgr + nodes_c + hormon + chemo
full <- coxph(model, whole)

set.seed(99)
u <- matrix(runif(nrow(whole) * 4), ncol = 4)
part <- whole
part$erpos[u[, 1] < plogis(-.6 + .3 * whole$agec + .4 * whole$death)] <- NA
part$grade3[u[, 2] < plogis(-1.8 + .3 * whole$agec)] <- NA
part$size[u[, 3] < plogis(-2 + .4 * whole$death)] <- NA
part$lpgr[u[, 4] < plogis(-.8 + .3 * whole$agec)] <- NA
missing <- with(part, is.na(erpos) + 2 * is.na(grade3) + 4 * is.na(size) + 8 * is.na(lpgr))
mask <- read.csv(file.path(ROOT, "tests", "reference", "data", "rotterdam_missing.csv"))
stopifnot(identical(as.integer(missing[missing > 0]), as.integer(mask$missing)))

part$na <- nelsonaalen(part, dtime, death)
method <- make.method(part)
method[c("erpos", "grade3")] <- "logreg"
method["size"] <- "polyreg"
method["lpgr"] <- "norm"
predictors <- make.predictorMatrix(part)
predictors[, c("pid", "dtime")] <- 0
imputed <- mice(part, m = 100, maxit = 10, method = method, predictorMatrix = predictors, seed = 4711,
                printFlag = FALSE)
fits <- with(imputed, coxph(Surv(dtime, death) ~ agec + size + grade3 + erpos + lpgr + nodes_c + hormon + chemo))
pooled <- pool(fits)
s <- summary(pooled)
cases <- coxph(model, part)
write_table(data.frame(
  term = as.character(s$term), full_data = coef(full), full_se = sqrt(diag(vcov(full))), complete_case = coef(cases),
  cc_se = sqrt(diag(vcov(cases))), mi = s$estimate, mi_se = s$std.error, between_sd = sqrt(pooled$pooled$b),
  mc_error = sqrt(pooled$pooled$b / 100), fmi = pooled$pooled$fmi, row.names = NULL),
  "mi_reference_distribution_rotterdam.csv")

long <- complete(imputed, "long")
gone <- function(name) is.na(part[[name]])
margin <- function(what, name, value, truth) {
  data.frame(what = what, est = mean(value[gone(name)[long$.id]]), truth = mean(truth[gone(name)]))
}
write_table(rbind(
  margin("P(erpos=1) among missing", "erpos", as.character(long$erpos) == "1", whole$erpos == "1"),
  margin("P(grade3=1) among missing", "grade3", as.character(long$grade3) == "1", whole$grade3 == "1"),
  margin("mean lpgr among missing", "lpgr", long$lpgr, whole$lpgr),
  margin("P(size>50) among missing", "size", as.character(long$size) == ">50", whole$size == ">50")),
  "mi_reference_imputed_margins.csv")
