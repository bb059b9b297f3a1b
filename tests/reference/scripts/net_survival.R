# Net survival (Pohar Perme) by relsurv: colorectal cancer in Slovenia (colrec) with the life table of Slovenia (slopop).
# Also writes the data that the tests read: every third person, and the cells of the life table that they can reach.
source(file.path(commandArgs(TRUE)[1], "tests", "reference", "scripts", "common.R"))
suppressPackageStartupMessages(library(relsurv))
data(colrec); data(slopop)
YEARS <- 1994:2010
AGES <- 12:103
day <- function(x) as.Date(as.integer(x), origin = "1960-01-01")

people <- colrec[seq(1, nrow(colrec), by = 3), ]
people <- data.frame(sex = c("male", "female")[people$sex], age_days = as.integer(people$age), origin = day(people$diag),
                     duration = as.integer(people$time), event = people$stat)
people$band <- cut(people$age_days / YEAR, c(0, 45, 55, 65, 75, Inf), right = FALSE,
                   labels = c("15-44", "45-54", "55-64", "65-74", "75+"))

# the life table in annual probabilities of six figures; daily hazards are made of these again
columns <- match(as.Date(paste0(YEARS, "-01-01")), day(attr(slopop, "cutpoints")[[2]]))
stopifnot(!anyNA(columns))
cells <- expand.grid(age = AGES, year = YEARS, sex = c("male", "female"), stringsAsFactors = FALSE)
daily <- unclass(slopop)[AGES + 1, columns, ]
cells$qx <- signif(1 - exp(-as.vector(daily) * YEAR), 6)
hazard <- array(-log(1 - cells$qx) / YEAR, dim(daily))
# ages and 1 January as cut points; whole days, as ages are
table <- structure(hazard, dimnames = list(age = AGES, year = YEARS, sex = c("male", "female")),
                   dimid = c("age", "year", "sex"), type = c(2, 3, 1), factor = c(0, 0, 1),
                   cutpoints = list(ceiling(AGES * YEAR), as.Date(paste0(YEARS, "-01-01")), NULL), class = "ratetable")

# every day a time: between distant times relsurv 2.2-9 gives each day the mean hazard of all days since the last time
estimate <- function(data, group, type) {
  fit <- rs.surv(Surv(duration, event) ~ 1, rmap = list(age = age_days, sex = sex, year = origin), ratetable = table,
                 data = data, method = "pohar-perme", type = type, precision = 1, add.times = seq_len(10 * YEAR))
  s <- summary(fit, times = c(1, 3, 5, 10) * YEAR, extend = TRUE)
  data.frame(group = group, type = type, time = s$time, n_risk = s$n.risk, survival = s$surv, std_error = s$std.err,
             lower = s$lower, upper = s$upper)
}
rows <- list(estimate(people, "all", "kaplan-meier"))
for (band in levels(people$band)) {
  rows <- c(rows, list(estimate(people[people$band == band, ], band, "kaplan-meier")))
}
# summary() gives the standard error of survival; here it is of its logarithm
write_table(transform(do.call(rbind, rows), std_error = std_error / survival), "net_survival_colrec.csv")

DATA <- file.path(dirname(OUT), "data")  # of the tests, or beside the new values
dir.create(DATA, showWarnings = FALSE)
people$origin <- format(people$origin)
write.csv(people[c("sex", "age_days", "origin", "duration", "event")], file.path(DATA, "colrec.csv"), row.names = FALSE, quote = FALSE)
write.csv(cells[c("sex", "age", "year", "qx")], file.path(DATA, "slopop.csv"), row.names = FALSE, quote = FALSE)
