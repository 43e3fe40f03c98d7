"""Learn the covariance of the El Niño temperatures, written plainly as a Kronecker product.

The marginal likelihood of a Gaussian process over 61 years × 12 months has a 732 × 732 covariance,
``kron(K_year, K_month)``. Kantor never builds it, neither for the likelihood nor for its gradient.
"""

import time
from importlib.resources import files

import numpy as np
import pytensor
import pytensor.tensor as pt
from scipy.optimize import minimize

import kantor

START = {
    "common to all years": 4.0,
    "change between years": 1.0,
    "length of a change, years": 1.0,
    "noise of a year": 0.1,
    "length within a season": 1.4,
    "noise of a month": 0.05,
}


def temperatures():
    with files("kantor").joinpath("data/elnino.csv").open() as lines:
        table = np.loadtxt(lines, delimiter=",", skiprows=1)
    return table[:, 0], np.arange(1.0, 13.0), table[:, 1:]


def covariances(theta, years, months):
    common, change, length, year_noise, season, month_noise = (theta[i] for i in range(6))
    apart = years[:, None] - years[None, :]
    angle = np.pi * (months[:, None] - months[None, :]) / 12
    C_year = common + change * pt.exp(-0.5 * (apart / length) ** 2)
    C_month = pt.exp(-2 * (pt.sin(angle) / season) ** 2)
    for name, var in {
        "C_year": C_year,
        "C_month": C_month,
        "s": year_noise,
        "t": month_noise,
    }.items():
        var.name = name
    return C_year + year_noise * pt.eye(len(years)), C_month + month_noise * pt.eye(len(months))


def negative_log_likelihood(K, r):
    _, logdet = pt.linalg.slogdet(K)
    return 0.5 * (r @ pt.linalg.solve(K, r) + logdet + r.size * np.log(2 * np.pi))


def main():
    years, months, celsius = temperatures()
    r = (celsius - celsius.mean()).ravel()
    log_theta = pt.vector("log_theta")
    K_year, K_month = covariances(pt.exp(log_theta), years, months)
    loss = negative_log_likelihood(pt.linalg.kron(K_year, K_month), pt.constant(r, name="r"))

    for step in kantor.explain(loss).steps:
        print(step)

    fast = kantor.rewrite(loss)
    gradient = pt.grad(fast, log_theta)
    value_and_gradient = pytensor.function([log_theta], [fast, gradient], mode="CVM")
    parts = pytensor.function([log_theta], [K_year, K_month], mode="CVM")

    start = np.log(list(START.values()))
    began = time.perf_counter()
    fitted = minimize(value_and_gradient, start, jac=True, method="L-BFGS-B", bounds=[(-5, 5)] * 6)
    print(f"\n{fitted.nfev} likelihoods with gradients in {time.perf_counter() - began:.2f} s")
    print(f"negative log likelihood {value_and_gradient(start)[0]:.2f} → {fitted.fun:.2f}\n")
    for name, before, after in zip(START, np.exp(start), np.exp(fitted.x), strict=True):
        print(f"  {name:28} {before:8.3g} → {after:.3g}")

    dense = np.kron(*parts(fitted.x))
    began = time.perf_counter()
    _, logdet = np.linalg.slogdet(dense)
    expected = 0.5 * (r @ np.linalg.solve(dense, r) + logdet + r.size * np.log(2 * np.pi))
    print(f"\nNumPy, dense, value only: {1e3 * (time.perf_counter() - began):.0f} ms; ", end="")
    print(f"relative difference {abs(fitted.fun / expected - 1):.1e}")


if __name__ == "__main__":
    main()
