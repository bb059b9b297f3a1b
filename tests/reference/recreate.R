# Compute the reference values again and compare them with expected/; with --write, replace expected/.
# Run from anywhere: Rscript tests/reference/recreate.R [--write]
arguments <- commandArgs(FALSE)
here <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", arguments, value = TRUE)[1])))
ROOT <- normalizePath(file.path(here, "..", ".."))
EXPECTED <- file.path(here, "expected")
write_anew <- "--write" %in% commandArgs(TRUE)
OUT <- if (write_anew) EXPECTED else file.path(tempdir(), "expected")
dir.create(OUT, showWarnings = FALSE)

for (package in c("survival", "relsurv", "prodlim", "mice", "jsonlite")) {
  if (!requireNamespace(package, quietly = TRUE)) stop("package ", package, " is needed: install.packages('", package, "')")
  cat(package, as.character(packageVersion(package)), "\n")
}
SCRIPTS <- c(
  "survival.R", "funnel.R", "providers.R", "more_data.R", "robust.R", "net_survival.R", "imputation.R",
  "imputation_ordered.R"
)
for (script in SCRIPTS) {
  cat(script, "\n")
  failed <- system2(file.path(R.home("bin"), "Rscript"), shQuote(c(file.path(here, "scripts", script), ROOT, OUT)))
  if (failed) stop(script, " stopped with an error")
}
if (write_anew) quit(status = 0)

# mice draws at random: another version of R or mice gives other draws, so only 4 Monte Carlo errors are asked for
differences <- 0
report <- function(name, size, allowed) {
  bad <- !is.finite(size) || size > allowed
  if (bad) differences <<- differences + 1
  cat(sprintf("%-50s %.2e %s\n", name, size, if (bad) "DIFFERS" else "ok"))
}
is_json <- function(path) grepl("json$", path)
numbers <- function(path) {
  if (is_json(path)) return(unlist(rapply(jsonlite::fromJSON(path, simplifyVector = TRUE), as.numeric, how = "unlist")))
  frame <- read.csv(path)
  unlist(frame[vapply(frame, is.numeric, TRUE)])
}
# labels: names of columns (or keys) and what is not a number, in order
labels <- function(path) {
  if (is_json(path)) return(names(unlist(jsonlite::fromJSON(path, simplifyVector = TRUE))))
  frame <- read.csv(path)
  c(names(frame), unlist(lapply(frame[!vapply(frame, is.numeric, TRUE)], as.character)))
}
for (name in list.files(EXPECTED)) {
  if (!file.exists(file.path(OUT, name))) { report(name, Inf, 0); next }
  if (name == "mi_reference_distribution_rotterdam.csv") {
    old <- read.csv(file.path(EXPECTED, name)); new <- read.csv(file.path(OUT, name))
    report(name, max(abs(new$mi - old$mi) / (sqrt(2) * old$mc_error)), 4)
    next
  }
  old <- numbers(file.path(EXPECTED, name)); new <- numbers(file.path(OUT, name))
  same_labels <- identical(unname(labels(file.path(EXPECTED, name))), unname(labels(file.path(OUT, name))))
  if (length(old) != length(new) || !same_labels) { report(name, Inf, 0); next }
  allowed <- if (grepl("^mi_", name)) 0.02 else 1e-6
  same_gaps <- identical(is.na(unname(old)), is.na(unname(new)))
  report(name, if (same_gaps) max(abs(old - new) / pmax(1, abs(old)), na.rm = TRUE) else Inf, allowed)
}
for (name in setdiff(list.files(OUT), list.files(EXPECTED))) report(paste(name, "(not in expected/)"), Inf, 0)
cat(if (differences) paste(differences, "files differ\n") else "every value re-created\n")
quit(status = if (differences) 1 else 0)
