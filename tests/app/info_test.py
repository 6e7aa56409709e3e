"""`serried info`: what it says of links and types; files and datasets are in real_files_test.py."""

from support import CommandTest, main, need_oracles, run, run_json

need_oracles()
import h5py
import numpy as np


class Info(CommandTest):
    def test_links_and_named_types(self):
        with h5py.File(self.path("other.h5"), "w") as f:
            f["u"] = np.arange(3)
        with h5py.File(self.path("links.h5"), "w") as f:
            f["g/d"] = np.arange(10.0)
            f["hard"] = f["g/d"]
            f["soft"] = h5py.SoftLink("/g/d")
            f["nowhere"] = h5py.SoftLink("/nothing")
            f["loop"] = h5py.SoftLink("/loop")
            f["outside"] = h5py.ExternalLink("other.h5", "/u")
            f["kind"] = np.dtype("f8")
            f["kind"].attrs["unit"] = "m"
        expected = {
            "/hard": "same as /g/d",
            "/loop": "soft link to /loop (dangling)",
            "/nowhere": "soft link to /nothing (dangling)",
            "/outside": "external link to other.h5:/u",
            "/soft": "soft link to /g/d",
        }
        for ranks in (0, 3):
            objects = run_json("info", "links.h5", cwd=self.folder, ranks=ranks)["files"][0]["objects"]
            kinds = {entry["path"]: entry["kind"] for entry in objects}
            self.assertEqual(kinds, {"/": "group", "/g": "group", "/g/d": "dataset", "/kind": "type"}
                             | dict.fromkeys(expected, "link"))
            self.assertEqual({e["path"]: e["link"] for e in objects if e["kind"] == "link"}, expected)
        text = run("info", "links.h5", cwd=self.folder).stdout
        for path, link in expected.items():
            self.assertIn(f"  {path}  {link}\n", text)
        self.assertIn("  /kind  named type\n      unit = m\n", text)


if __name__ == "__main__":
    main()
