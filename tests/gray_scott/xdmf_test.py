"""The XDMF files of gray_scott and of `serried kmeans --xdmf`, opened by VTK's reader: fields, labels, places and
times are those of the HDF5 files. Skipped (exit code 77) where Python has no vtk, numpy or h5py."""
import os
import subprocess
import sys
import tempfile
import unittest

try:
    import h5py
    import numpy as np
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline
    from vtkmodules.vtkIOXdmf2 import vtkXdmfReader
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

GRAY_SCOTT = os.environ["GRAY_SCOTT"]
SERRIED = os.environ["SERRIED"]
LAUNCH = [os.environ["MPIEXEC"], os.environ.get("MPIEXEC_NUMPROC_FLAG", "-n")]


def run(ranks, *command):
    result = subprocess.run([*LAUNCH, str(ranks), *command], capture_output=True, text=True, timeout=300)
    if result.returncode != 0:
        raise AssertionError(f"{command}: code {result.returncode}\n{result.stdout}{result.stderr}")


def open_series(path):
    """A list of (time, grid)."""
    reader = vtkXdmfReader()
    reader.SetFileName(path)
    reader.UpdateInformation()
    times = reader.GetOutputInformation(0).Get(vtkStreamingDemandDrivenPipeline.TIME_STEPS()) or [None]
    result = []
    for time in times:
        reader.Update() if time is None else reader.UpdateTimeStep(time)
        grid = reader.GetOutputDataObject(0)
        while grid.IsA("vtkMultiBlockDataSet"):
            grid = grid.GetBlock(0)
        copy = grid.NewInstance()
        copy.DeepCopy(grid)
        result.append((time, copy))
    return result


def values(grid, name, shape):
    """A field as the file has it; VTK counts x, y, z, with x the fastest."""
    array = grid.GetPointData().GetArray(name)
    assert array is not None, [grid.GetPointData().GetArrayName(i) for i in range(grid.GetPointData().GetNumberOfArrays())]
    space = tuple(shape) if len(shape) == 3 else (1, *shape)
    assert grid.GetDimensions() == space[::-1], (grid.GetDimensions(), shape)
    return vtk_to_numpy(array).reshape(shape)


class Xdmf(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        home = os.getcwd()
        os.chdir(self.folder.name)
        self.addCleanup(os.chdir, home)

    def same(self, grid, name, address):
        path, dataset = address.split(":")
        with h5py.File(path) as file:
            expected = file[dataset][()]
        np.testing.assert_array_equal(values(grid, name, expected.shape), expected)
        self.assertLess(expected.min(), expected.max())

    def check_series(self, size):
        run(2, GRAY_SCOTT, "--size", size, "--steps", "25", "--every", "10", "--dt", "0.5", "--output", "g.h5")
        series = open_series("g.xmf")
        self.assertEqual([time for time, _ in series], [5, 10, 12.5])
        for step, (_, grid) in zip((10, 20, 25), series):
            for field in "uv":
                self.same(grid, field, f"g_{step:06d}.h5:/fields/{field}")
        return series

    def test_series_2d(self):
        grid = self.check_series("23x31")[0][1]
        self.assertEqual(grid.GetBounds(), (0, 30, 0, 22, 0, 0))

    def test_series_3d(self):
        grid = self.check_series("7x9x11")[0][1]
        self.assertEqual(grid.GetBounds(), (0, 10, 0, 8, 0, 6))

    def test_labels_beside_fields(self):
        run(1, GRAY_SCOTT, "--size", "7x9x11", "--steps", "20", "--output", "g.h5")
        fields = ["g.h5:/fields/u", "g.h5:/fields/v"]
        run(2, SERRIED, "kmeans", *fields, "--sample-axes", "all", "--clusters", "3", "--labels", "k.h5:/a/labels",
            "--model", "m.h5", "--xdmf")
        run(2, SERRIED, "predict", "m.h5", *fields, "--sample-axes", "all", "--labels", "p.h5", "--xdmf")
        for name, labels in (("k", "/a/labels"), ("p", "/labels")):
            [(time, grid)] = open_series(f"{name}.xmf")
            self.assertIsNone(time)
            self.same(grid, "labels", f"{name}.h5:{labels}")
            self.same(grid, "u", fields[0])
            self.same(grid, "v", fields[1])

    def test_labels_of_a_map_and_its_series(self):
        """Coordinates of a grid that is not uniform, times, big-endian numbers, one index of three axes."""
        lat, lon, time = np.array([-60., -20., 0., 50.]), np.linspace(0, 40, 6) ** 1.5, np.array([3., 5., 9.])
        rng = np.random.default_rng(3)
        with h5py.File("map.h5", "w") as file:
            for name, values_of in (("time", time), ("lat", lat), ("lon", lon)):
                file[name] = values_of
                file[name].make_scale(name)
            sst = file.create_dataset("sst", data=rng.normal(size=(3, 4, 6)).astype(">f4"))
            packed = file.create_dataset("packed", data=rng.integers(0, 9, (3, 4, 6)).astype("i2"))
            packed.attrs["scale_factor"] = 0.5
            for dataset in (sst, packed):
                for axis, name in enumerate(("time", "lat", "lon")):
                    dataset.dims[axis].attach_scale(file[name])
        run(2, SERRIED, "kmeans", "map.h5:/sst", "map.h5:/packed", "--sample-axes", "1,2", "--clusters", "2",
            "--labels", "l.h5", "--xdmf")
        series = open_series("l.xmf")
        self.assertEqual([at for at, _ in series], list(time))
        with h5py.File("map.h5") as file:
            stored = file["sst"][()]
        for index, (_, grid) in enumerate(series):
            self.assertTrue(grid.IsA("vtkRectilinearGrid"))
            np.testing.assert_array_equal(vtk_to_numpy(grid.GetXCoordinates()), lon)
            np.testing.assert_array_equal(vtk_to_numpy(grid.GetYCoordinates()), lat)
            self.same(grid, "labels", "l.h5:/labels")
            np.testing.assert_array_equal(values(grid, "sst", (4, 6)), stored[index])
            self.assertFalse(grid.GetPointData().HasArray("packed"))

    def test_xdmf_of_what_has_no_grid(self):
        run(1, GRAY_SCOTT, "--size", "12", "--steps", "1", "--output", "g.h5")
        for options, text in ((["--labels", "l.h5"], "two or three axes"), ([], "without --labels")):
            result = subprocess.run([*LAUNCH, "2", SERRIED, "kmeans", "g.h5:/fields/u", "--clusters", "2", "--xdmf",
                                     *options], capture_output=True, text=True, timeout=300)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn(text, result.stderr)
            self.assertFalse(os.path.exists("l.h5"))

    def test_series_in_another_folder(self):
        os.mkdir("out")
        run(1, GRAY_SCOTT, "--size", "12x13", "--steps", "4", "--every", "2", "--output", "out/a & b_%d.h5")
        os.rename("out", "moved")  # names are relative
        for step, (_, grid) in zip((2, 4), open_series("moved/a & b.xmf")):
            self.same(grid, "u", f"moved/a & b_{step}.h5:/fields/u")


if __name__ == "__main__":
    unittest.main()
