"""What scipy and statsmodels make of the same numbers: JSON in, JSON out."""
import json
import sys

import numpy as np
import statsmodels.api as sm
from scipy import optimize, special, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower


def flips(values):
    result = stats.permutation_test(
        (np.array(values),), np.sum, permutation_type="samples", n_resamples=np.inf
    )
    return float(result.pvalue)


def interval(values):
    random = np.random.default_rng(1)
    result = stats.bootstrap(
        (np.array(values),), np.mean, n_resamples=100_000, method="percentile", rng=random
    )
    return [float(result.confidence_interval.low), float(result.confidence_interval.high)]


def cluster_error(values, clusters):
    ones = np.ones(len(values))
    fit = sm.OLS(np.array(values), ones).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    return float(fit.bse[0])


def needed(pilot, size):
    effect = size / np.std(pilot, ddof=1)
    return float(NormalIndPower().solve_power(effect, alpha=0.05, power=0.8, ratio=0))


def at_equal_length(outcomes, longer):
    """The minimum that scipy finds of the penalised likelihood, as its definition says it."""
    y, longer = np.array(outcomes), np.array(longer)
    x = np.tanh(longer / np.std(longer))

    def loss(ab):
        z = ab[0] + ab[1] * x
        return np.sum(np.logaddexp(0, z) - y * z) + 0.005 * np.sum(ab**2)

    found = optimize.minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 10_000})
    return float(special.expit(found.x[0]))


asked = json.load(sys.stdin)
json.dump(
    {
        "holm": [multipletests(ps, method="holm")[1].tolist() for ps in asked["ps"]],
        "flips": [flips(values) for values in asked["differences"]],
        "intervals": [interval(values) for values in asked["samples"]],
        "clusterError": cluster_error(asked["clustered"]["values"], asked["clustered"]["clusters"]),
        "equalLength": [at_equal_length(*judged) for judged in asked["judged"]],
        "needed": [needed(asked["samples"][0], size) for size in asked["sizes"]],
    },
    sys.stdout,
)
