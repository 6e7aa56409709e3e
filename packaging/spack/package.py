# Recipe for Spack: `spack repo create ~/serried-repo serried`, copy this file to ~/serried-repo/packages/serried/,
# `spack repo add ~/serried-repo`, `spack install serried`.
# Copyright The Serried authors. SPDX-License-Identifier: Apache-2.0

from spack.package import *


class Serried(CMakePackage, CudaPackage):
    """Distributed arrays and machine learning for MPI programs: statistics and clusters of HDF5 and NetCDF-4 data on
    any number of ranks, with the same bits whatever their number."""

    license("Apache-2.0")

    # There is no release yet: give the place of a clone, `spack develop --path /path/to/serried serried@main`, or
    # set `git` here.
    version("main", branch="main")

    variant("shared", default=True, description="Build a shared library")
    variant("tests", default=False, description="Build the tests and benchmarks")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("gzip", type="build")
    depends_on("git", type="build")

    depends_on("mpi@3:")
    depends_on("hdf5@1.10:+mpi+hl")
    depends_on("highway@1.0.3:")
    depends_on("sleef@3.5:")
    depends_on("fmt@9:")
    depends_on("libpng@1.6:")
    depends_on("eigen@3.4:3", type="build")
    depends_on("boost@1.74:+math", type="build")
    depends_on("cli11@2.1:", type="build")
    depends_on("nlohmann-json@3.11:", type="build")
    depends_on("googletest", type="build", when="+tests")
    depends_on("benchmark", type="build", when="+tests")
    depends_on("cuda@12:", when="+cuda")

    requires("target=x86_64_v3:", msg="Serried needs AVX2 and FMA")
    conflicts("%gcc@:11", msg="Serried is C++20: g++ 12 or newer")
    conflicts("cuda_arch=none", when="+cuda", msg="name the cards: cuda_arch=90")

    generator("ninja")

    def cmake_args(self):
        arguments = [
            self.define_from_variant("BUILD_SHARED_LIBS", "shared"),
            self.define_from_variant("SERRIED_BUILD_TESTS", "tests"),
            self.define_from_variant("SERRIED_BUILD_BENCH", "tests"),
            self.define("SERRIED_CUDA", "ON" if self.spec.satisfies("+cuda") else "OFF"),
            self.define("SERRIED_WARNINGS_AS_ERRORS", False),
            self.define("MPI_C_COMPILER", self.spec["mpi"].mpicc),
        ]
        if self.spec.satisfies("+cuda"):
            arguments.append(self.define("SERRIED_CUDA_ARCHITECTURES", self.spec.variants["cuda_arch"].value))
        return arguments
