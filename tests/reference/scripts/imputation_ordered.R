# Two ordered items with five and six levels, 43% missing, whose top levels age nearly determines: mice with m = 100,
# proportional odds (polr). mice adds weighted people to every level before it fits (White, Daniel & Royston 2010) and
# does not draw the parameters; "plain" is without the added people.
source(file.path(commandArgs(TRUE)[1], "tests", "reference", "scripts", "common.R"))
suppressPackageStartupMessages(library(mice))
people <- read.csv(file.path(ROOT, "tests", "reference", "data", "growth.csv"))
for (name in c("five", "six")) people[[name]] <- factor(people[[name]], ordered = TRUE)
method <- make.method(people)
method["volume"] <- "norm"
run <- function(kind) {
  imputed <- mice(people, m = 100, maxit = 10, method = method, seed = 4711, printFlag = FALSE)
  rows <- lapply(c("five", "six"), function(name) {
    completed <- complete(imputed, "all")
    fits <- lapply(completed, function(d) {
      top <- d[[name]] == tail(levels(d[[name]]), 1)
      glm(top ~ age, family = binomial, data = d)
    })
    pooled <- pool(as.mira(fits))$pooled
    shares <- rowMeans(sapply(completed, function(d) prop.table(table(d[[name]][is.na(people[[name]])]))))
    top <- people[[name]] == tail(levels(people[[name]]), 1)
    cases <- glm(top ~ age, family = binomial, data = people)
    data.frame(kind = kind, item = name, slope = pooled$estimate[2], between_sd = sqrt(pooled$b[2]),
               std_error = sqrt(pooled$t[2]), complete_case = coef(cases)[2], share_top = tail(shares, 1),
               row.names = NULL)
  })
  do.call(rbind, rows)
}
augmented <- run("augmented")
same <- function(y, ry, x, wy, ...) list(y = y, ry = ry, x = x, wy = wy, w = rep(1, length(y)))
assignInNamespace("augment", same, ns = "mice")
write_table(rbind(augmented, run("plain")), "mi_reference_ordered.csv")
