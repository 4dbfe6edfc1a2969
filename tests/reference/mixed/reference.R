# Writes the numbers that tests/stats/mixed compares with: one JSON file per model, with the versions
# of lme4, lmerTest, pbkrtest and emmeans that made it. Run in this folder: Rscript reference.R [NAME...]
# All of them take about ten minutes, most of it for InstEval's degrees of freedom.
suppressMessages({
  library(lme4); library(lmerTest); library(pbkrtest); library(emmeans); library(jsonlite)
})
emm_options(pbkrtest.limit = 1e5, lmerTest.limit = 1e5)
tight <- function(...) lmerControl(
  optimizer = "bobyqa", optCtrl = list(rhobeg = 0.1, rhoend = 1e-9, maxfun = 1e5), calc.derivs = FALSE,
  check.conv.singular = "ignore", check.rankX = "message+drop.cols", ...)
# bobyqa stops early where the deviance is flat; go on until it no longer falls.
polish <- function(m) {
  dev <- update(m, devFunOnly = TRUE)
  low <- getME(m, "lower")
  theta <- getME(m, "theta")
  for (i in 1:3) {
    f <- nlminb(theta, dev, lower = low, control = list(rel.tol = 1e-15, x.tol = 1e-12))
    if (f$objective <= dev(theta)) theta <- f$par
  }
  theta
}
num <- function(x) unname(as.numeric(x))
describe <- function(name, formula, data, reml = TRUE, kr = TRUE, weights = NULL, polish_it = TRUE) {
  call <- list(formula, data = data, REML = reml, control = tight())
  if (!is.null(weights)) call$weights <- weights
  time <- system.time(m <- suppressMessages(do.call(lmerTest::lmer, call)))[["elapsed"]]
  if (polish_it && length(getME(m, "theta")) > 0) {
    call$start <- polish(m)
    again <- suppressMessages(do.call(lmerTest::lmer, call))
    if (deviance(again, REML = reml) < deviance(m, REML = reml)) m <- again
  }
  s <- coef(summary(m, ddf = "Satterthwaite"))
  vc <- as.data.frame(VarCorr(m))
  out <- list(
    name = name, formula = paste(deparse(formula), collapse = " "), reml = reml, n = nobs(m),
    deviance = if (reml) num(REMLcrit(m)) else num(deviance(m)),
    sigma = sigma(m), theta = num(getME(m, "theta")), singular = isSingular(m),
    terms = rownames(s), beta = num(s[, "Estimate"]), se = num(s[, "Std. Error"]),
    df = num(s[, "df"]), p = num(s[, "Pr(>|t|)"]),
    dropped = if (is.null(attr(getME(m, "X"), "col.dropped"))) character(0)
              else names(attr(getME(m, "X"), "col.dropped")),
    variances = list(group = vc$grp, var1 = vc$var1, var2 = vc$var2, vcov = vc$vcov))
  re <- as.data.frame(ranef(m, condVar = TRUE))
  keep <- unique(round(seq(1, nrow(re), length.out = min(40, nrow(re)))))
  out$modes <- list(group = as.character(re$grpvar)[keep], level = as.character(re$grp)[keep],
                    term = as.character(re$term)[keep], estimate = re$condval[keep],
                    sd = re$condsd[keep])
  if (kr && reml) {
    k <- vcovAdj(m)
    l <- diag(length(out$beta))
    out$kr_se <- num(sqrt(diag(as.matrix(k))))
    out$kr_df <- sapply(seq_along(out$beta), function(i) Lb_ddf(l[i, ], as.matrix(vcov(m)), k))
  }
  out$seconds <- time
  list(out = out, model = m)
}
versions <- sapply(c("lme4", "lmerTest", "pbkrtest", "emmeans", "mvtnorm", "numDeriv"),
                   function(p) as.character(packageVersion(p)))
print(versions)
wanted <- commandArgs(trailingOnly = TRUE)
save <- function(name, values) {
  values$versions <- c(list(R = as.character(getRversion())), as.list(versions))
  write_json(values, paste0(name, ".json"), digits = I(15), auto_unbox = TRUE, na = "null")
}
add <- function(name, ..., more = function(m) list()) {
  if (length(wanted) && !(name %in% wanted)) return(invisible())
  d <- describe(name, ...)
  save(name, c(d$out, more(d$model)))
}
profile_of <- function(m) {
  ci <- suppressWarnings(confint(m, method = "profile", oldNames = FALSE, quiet = TRUE))
  list(terms = rownames(ci), low = num(ci[, 1]), high = num(ci[, 2]))
}

emmeans_of <- function(m, mode) {
  e <- emmeans(m, ~ family, lmer.df = mode)
  s <- as.data.frame(summary(e))
  c_holm <- as.data.frame(summary(pairs(e), adjust = "holm"))
  set.seed(1)
  c_mvt <- as.data.frame(summary(pairs(e), adjust = "mvt"))
  c_tukey <- as.data.frame(summary(pairs(e), adjust = "tukey", infer = TRUE))
  j <- as.data.frame(test(pairs(e), joint = TRUE))
  list(family = as.character(s$family), mean = s$emmean, se = s$SE, df = s$df,
       low = s$lower.CL, high = s$upper.CL, contrast = as.character(c_holm$contrast),
       estimate = c_holm$estimate, contrast_se = c_holm$SE, contrast_df = c_holm$df,
       holm = c_holm$p.value, mvt = c_mvt$p.value, tukey = c_tukey$p.value,
       tukey_low = c_tukey$lower.CL, tukey_high = c_tukey$upper.CL,
       f = j$F.ratio, df1 = j$df1, df2 = j$df2, p = j$p.value)
}
# The means of all families are equal: Satterthwaite by lmerTest, Kenward-Roger by pbkrtest.
joint_of <- function(m) {
  l <- contrast(emmeans(m, ~ family), "trt.vs.ctrl")@linfct
  s <- contestMD(m, l)
  k <- KRmodcomp(m, l)$test["Ftest", ]
  list(f = num(s[["F value"]]), df1 = num(s$NumDF), df2 = num(s$DenDF), p = num(s[["Pr(>F)"]]),
       kr_f = num(k$stat), kr_df1 = num(k$ndf), kr_df2 = num(k$ddf), kr_p = num(k$p.value))
}

# Type III tests of all terms.
anova_of <- function(m) {
  one <- function(a) list(term = rownames(a), f = a[["F value"]], df1 = a$NumDF, df2 = a$DenDF,
                          p = a[["Pr(>F)"]])
  list(satterthwaite = one(anova(m)), kenward_roger = one(anova(m, ddf = "Kenward-Roger")))
}

data(sleepstudy); data(Penicillin); data(Pastes); data(InstEval)
sleepstudy$w <- 1 + (seq_len(nrow(sleepstudy)) %% 4)
add("sleepstudy", Reaction ~ Days + (Days | Subject), sleepstudy)
add("sleepstudy_ml", Reaction ~ Days + (Days | Subject), sleepstudy, reml = FALSE,
    more = function(m) {
      smaller <- lmer(Reaction ~ Days + (1 | Subject), sleepstudy, REML = FALSE)
      larger <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy, REML = FALSE)
      lr <- anova(smaller, larger)
      list(profile = profile_of(larger),
           likelihood_ratio = list(statistic = num(lr$Chisq[2]), df = num(lr$Df[2]),
                                   p = num(lr[2, "Pr(>Chisq)"])))
    })
add("sleepstudy_uncorrelated", Reaction ~ Days + (1 | Subject) + (0 + Days | Subject), sleepstudy)
add("sleepstudy_weights", Reaction ~ Days + (Days | Subject), sleepstudy, kr = FALSE,
    weights = sleepstudy$w)
add("Penicillin", diameter ~ 1 + (1 | plate) + (1 | sample), Penicillin,
    more = function(m) list(profile = profile_of(
      lmer(diameter ~ 1 + (1 | plate) + (1 | sample), Penicillin, REML = FALSE))))
add("Pastes", strength ~ 1 + (1 | batch/cask), Pastes)

flat <- read.csv(gzfile("singular.csv.gz"), stringsAsFactors = TRUE)
add("singular", gain ~ x + (1 | language) + (1 | target), flat)
add("singular_slope", gain ~ x + (1 + x | language), flat)

grid <- read.csv(gzfile("grid.csv.gz"), stringsAsFactors = TRUE)
unbalanced <- droplevels(subset(grid, model == "m0" & keep == 1))
add("unbalanced", gain ~ family * task_type + distance + (1 | language) + (1 | target) +
      (1 | intermediate) + (1 | target:language), unbalanced,
    more = function(m) list(marginal = list(satterthwaite = emmeans_of(m, "satterthwaite"),
                                            kenward_roger = emmeans_of(m, "kenward-roger")),
                            joint = joint_of(m), anova = anova_of(m)))
add("singular_correlation", gain ~ distance + (1 + distance | target) + (1 | language), unbalanced,
    more = function(m) list(profile = profile_of(lmer(
      gain ~ distance + (1 + distance | target) + (1 | language), unbalanced, REML = FALSE))))
hole <- droplevels(subset(unbalanced, !(family == "Dravidian" & task_type == "qa")))
add("missing_cell", gain ~ family * task_type + (1 | language) + (1 | target) +
      (1 | intermediate), hole,
    more = function(m) {
      e <- as.data.frame(summary(emmeans(m, ~ family, lmer.df = "satterthwaite")))
      list(marginal = list(family = as.character(e$family), mean = e$emmean, se = e$SE))
    })
add("grid_slopes", gain ~ distance + (1 + distance | target) + (1 | language) + (1 | intermediate),
    grid, kr = FALSE)
add("grid", gain ~ family * task_type + distance + (1 | language) + (1 | target) +
      (1 | intermediate) + (1 | model) + (1 | target:language) + (1 | target:intermediate),
    grid)
# pbkrtest holds matrices of rows x rows: all of InstEval would take 43 GB each.
few <- droplevels(subset(InstEval, as.integer(s) <= 80))
add("InstEval_few", y ~ service + (1 | s) + (1 | d) + (1 | dept), few)
add("InstEval_ml", y ~ service + (1 | s) + (1 | d) + (1 | dept), InstEval, reml = FALSE,
    kr = FALSE, polish_it = FALSE)
add("InstEval", y ~ service + (1 | s) + (1 | d) + (1 | dept), InstEval, kr = FALSE,
    polish_it = FALSE)
