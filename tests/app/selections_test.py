"""Clusters of selections are those of the same numbers stored as one dataset."""

import os

from support import CommandTest, main, need_oracles, run_json

need_oracles()
import h5py
import numpy as np


class Selections(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(4)
        x = (rng.normal(size=(6007, 24)) + 5 * rng.integers(0, 4, (6007, 1))).astype("f4")
        with h5py.File(os.path.join(cls.folder, "f.h5"), "w") as f:
            f["x"] = x
            f.create_dataset("packed", data=x, chunks=(700, 10), compression=1, shuffle=True)
            f["columns"] = x[:, [0, 5, 23, 7]]
            f["every"] = x[1::3, ::7]
            f["lags"] = np.concatenate([x[:-2, 3:6], x[1:-1, 3:6], x[2:, 3:6]], axis=1)

    def clusters(self, addresses, *arguments, ranks):
        labels = self.path("labels.h5")
        answer = run_json("kmeans", *(self.path(address) for address in addresses), "--clusters", 5, "--seed", 3,
                          "--labels", labels, *arguments, ranks=ranks)
        with h5py.File(labels) as f:
            found = f["labels"][...]
        os.remove(labels)
        return answer["inertia"], answer["iterations"], np.ravel(answer["centers"]).tolist(), found.tolist()

    def same(self, stored, selections):
        expected = self.clusters([f"f.h5:/{stored}"], ranks=1)
        for name in ("x", "packed"):
            for ranks, arguments in ((1, []), (2, ["--io", "collective"]), (3, []), (4, ["--memory", "64M"])):
                with self.subTest(name=name, ranks=ranks, arguments=arguments):
                    addresses = [f"f.h5:/{name}[{selection}]" for selection in selections]
                    self.assertEqual(self.clusters(addresses, *arguments, ranks=ranks), expected)

    def test_columns(self):
        self.same("columns", [":,0", ":,5", ":,-1", ":,7"])

    def test_steps(self):
        self.same("every", ["1::3,::7"])

    def test_lags(self):
        self.same("lags", [":-2,3:6", "1:-1,3:6", "2:,3:6"])


if __name__ == "__main__":
    main()
