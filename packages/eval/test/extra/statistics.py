"""What scipy and statsmodels make of the same numbers: JSON in, JSON out."""
import json
import sys

import numpy as np
import statsmodels.api as sm
from scipy import stats
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


asked = json.load(sys.stdin)
json.dump(
    {
        "holm": [multipletests(ps, method="holm")[1].tolist() for ps in asked["ps"]],
        "flips": [flips(values) for values in asked["differences"]],
        "intervals": [interval(values) for values in asked["samples"]],
        "clusterError": cluster_error(asked["clustered"]["values"], asked["clustered"]["clusters"]),
        "needed": [needed(asked["samples"][0], size) for size in asked["sizes"]],
    },
    sys.stdout,
)
