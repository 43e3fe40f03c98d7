"""Updates of a covariance by a measurement, as a Kalman filter makes them."""

from matchers.vocabulary import eye, inverse
from relations.language import matrices, relation

H, P, R = matrices("H P R")

BUCY = "Bucy & Joseph 1968, Filtering for Stochastic Processes with Applications to Guidance"


@relation(tags=("filtering", "fast_unstable"), cites=BUCY, stability="loses", both_ways=False)
def joseph_form(H, P, R):
    """(I - K H) P (I - K H)ᵀ + K R Kᵀ = P - K H P with K = P Hᵀ (H P Hᵀ + R)⁻¹.

    What is subtracted may be nearly all of P, and the difference neither symmetric nor definite.
    """
    K = P @ H.T @ inverse(H @ P @ H.T + R)
    kept = eye(P.rows) - K @ H
    return kept @ P @ kept.T + K @ R @ K.T, P - K @ H @ P
