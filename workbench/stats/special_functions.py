"""Functions of `scipy.special`, which is imported by the first call.

>>> round(float(ndtri(0.975)), 6)
1.959964

The import takes as long as numpy's and pydantic's together, and much of what reads results has
no interval to compute. Arguments may be arrays.
"""

from functools import cache
from types import ModuleType
from typing import Any


@cache
def _special() -> ModuleType:
    import scipy.special

    return scipy.special  # type: ignore[no-any-return]


def bdtr(k: Any, n: Any, p: Any) -> Any:
    """Binomial distribution: the probability of at most `k` successes."""
    return _special().bdtr(k, n, p)


def bdtrc(k: Any, n: Any, p: Any, **options: Any) -> Any:
    """Binomial distribution: the probability of more than `k` successes; options of a ufunc."""
    return _special().bdtrc(k, n, p, **options)


def betaincinv(a: Any, b: Any, y: Any) -> Any:
    """Inverse of the regularized incomplete beta function."""
    return _special().betaincinv(a, b, y)


def chdtrc(v: Any, x: Any) -> Any:
    """Chi square distribution with `v` degrees of freedom: the probability above `x`."""
    return _special().chdtrc(v, x)


def chdtri(v: Any, p: Any) -> Any:
    """Chi square distribution: the value above which the probability is `p`."""
    return _special().chdtri(v, p)


def fdtrc(dfn: Any, dfd: Any, x: Any) -> Any:
    """F distribution: the probability above `x`."""
    return _special().fdtrc(dfn, dfd, x)


def gammaln(x: Any) -> Any:
    """Logarithm of the absolute value of the gamma function."""
    return _special().gammaln(x)


def ndtr(x: Any) -> Any:
    """Normal distribution: the probability below `x`."""
    return _special().ndtr(x)


def ndtri(p: Any) -> Any:
    """Normal distribution: the value below which the probability is `p`."""
    return _special().ndtri(p)


def stdtr(df: Any, t: Any) -> Any:
    """Student's t distribution: the probability below `t`."""
    return _special().stdtr(df, t)


def stdtrit(df: Any, p: Any) -> Any:
    """Student's t distribution: the value below which the probability is `p`."""
    return _special().stdtrit(df, p)
