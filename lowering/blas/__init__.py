"""Products that BLAS and LAPACK have kernels for and PyTensor has no Op for.

`syrk` and `trmm` take half the operations of the general product, `potri` a third of those of the
system with the identity. `syr2k` takes as many as one general product, where two are written, and
`gtmm` reads three diagonals.
"""

from lowering.blas.gtmm import Gtmm, gtmm
from lowering.blas.potri import Potri, potri
from lowering.blas.syr2k import Syr2k, syr2k
from lowering.blas.syrk import Syrk, syrk
from lowering.blas.trmm import Trmm, trmm

__all__ = ["Gtmm", "Potri", "Syr2k", "Syrk", "Trmm", "gtmm", "potri", "syr2k", "syrk", "trmm"]
