"""Pages, pictures and traces: whole, self-contained, and showing what is in the files."""

import base64
import html.parser
import io
import json
import os
import re
import sys
import unittest

from support import SKIPPED, CommandTest, data_file, main, run, run_json, without_seconds

try:
    import h5py
    import numpy
    import PIL.Image
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(SKIPPED)

MISSING = (170, 170, 170)
LABELS = [(0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0), (240, 228, 66)]
VOID = {"meta", "link", "img", "br", "hr", "input"}
LEVELS = 255


class Page(html.parser.HTMLParser):
    """What a page holds; refuses what is not closed, and what would be fetched."""

    def __init__(self, path):
        super().__init__()
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.open, self.images, self.data, self.words, self.tags = [], [], [], [], []
        self.feed(self.text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "action", "data", "poster", "srcset"):
                assert value.startswith("data:"), (tag, name, value[:80])
            assert not name.startswith("on"), (tag, name)
            assert "url(" not in (value or ""), (tag, name)
        if tag == "img":
            image = dict(attributes)
            assert image["alt"]
            self.images.append(decode(base64.b64decode(image["src"].split(",", 1)[1])))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            if data.lstrip().startswith("{"):
                self.data.append(json.loads(data))
        elif self.open and self.open[-1] == "style":
            assert "url(" not in data and "@import" not in data
        else:
            self.words.append(data)

    @property
    def prose(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def decode(png):
    with PIL.Image.open(io.BytesIO(png)) as image:
        return numpy.asarray(image.convert("RGB"))


def colors_of(values, low, high):
    """Levels of viridis, whose ends and middle are known; NaN is grey."""
    levels = numpy.floor((values - low) / (high - low) * (LEVELS - 1) + 0.5)
    return levels


class Report(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        numbers = numpy.random.default_rng(3)
        # south first, longitudes descending: both must be turned
        cls.lat = numpy.linspace(-60, 57, 40)
        cls.lon = numpy.linspace(178, 60, 60)
        field = numpy.add.outer(cls.lat, 0.1 * cls.lon) + numbers.normal(size=(40, 60))
        field[3:6, 10:20] = numpy.nan
        cls.field = field
        cls.cube = numpy.stack([field * (1 + i) for i in range(5)])
        with h5py.File(os.path.join(cls.folder, "run.h5"), "w") as file:
            file["lat"], file["lon"] = cls.lat, cls.lon
            file["time"] = numpy.arange(5) * 31.0
            for name, text, units in (("lat", "Breite <N>", "degrees_north"), ("lon", "Longitude", "degrees_east"),
                                      ("time", "Time", "days since 2000-1-1")):
                file[name].make_scale(name)
                file[name].attrs["long_name"], file[name].attrs["units"] = text, units
            for name, values, axes in (("u", field, ("lat", "lon")), ("cube", cls.cube, ("time", "lat", "lon")),
                                       ("turned", field.T, ("lon", "lat"))):
                file[name] = values
                for i, axis in enumerate(axes):
                    file[name].dims[i].attach_scale(file[axis])
                file[name].attrs["long_name"], file[name].attrs["units"] = "Wind & <speed>", "m/s"
            file["full"] = numpy.where(numpy.isnan(field), 0, field)
            file["series"] = numpy.sin(numpy.arange(3000) / 100)
            file["table"] = numbers.normal(size=(200, 3)) + 4 * numbers.integers(0, 3, (200, 1))
            file["waves"] = numpy.sin(numpy.outer(1 + numpy.arange(90) % 3, numpy.arange(30) / 5))
            file["integers"] = numbers.integers(0, 7, 500).astype("u1")
            file["large"] = numpy.add.outer(numpy.arange(1400), numpy.arange(1300)).astype("f4")
            file["scalar"] = 3.0
            file["<script>alert(1)"] = numpy.arange(4.0)
            file["<script>alert(1)"].attrs["long_name"] = "</script></pre><script>alert(2)</script>"

    def run_in(self, *arguments, code=0, **options):
        done = run(*arguments, cwd=self.folder, **options)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}{done.stderr}")
        return done

    def page(self, *arguments, name="page.html", **options):
        self.run_in(*arguments, "--report", name, **options)
        self.assertLess(os.path.getsize(self.path(name)), 1_500_000)
        return Page(self.path(name))

    def bytes_of(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def check_field(self, pixels, values):
        """Grey where NaN; else colours grow lighter with the values."""
        self.assertEqual(pixels.shape[:2], values.shape)
        is_grey = (pixels == MISSING).all(axis=2)
        numpy.testing.assert_array_equal(is_grey, numpy.isnan(values))
        levels = colors_of(values, numpy.nanmin(values), numpy.nanmax(values))
        palette = {}
        for level, color in zip(levels[~is_grey], map(tuple, pixels[~is_grey])):
            self.assertEqual(palette.setdefault(level, color), color)
        self.assertEqual(palette[0], (0x44, 0x01, 0x54))
        self.assertEqual(palette[LEVELS - 1], (0xfd, 0xe7, 0x25))
        light = [0.2126 * r**2.2 + 0.7152 * g**2.2 + 0.0722 * b**2.2 for r, g, b in
                 (palette[level] for level in sorted(palette))]
        self.assertTrue(all(numpy.diff(light) > -1e-3 * max(light)))
        self.assertGreater(len(palette), 50)

    def test_stats_shows_the_field_the_right_way_up(self):
        page = self.page("stats", "run.h5:/u", "run.h5:/turned", "run.h5:/cube", ranks=2)
        north_up = self.field[::-1, ::-1]
        self.assertEqual(len(page.images), 3)
        self.check_field(page.images[0], north_up)
        # (lon, lat) in the file: latitude is upward all the same
        self.check_field(page.images[1], north_up)
        self.check_field(page.images[2], self.cube[2][::-1, ::-1])
        for text in ("Breite <N> (degrees_north)", "Longitude (degrees_east)", "Wind & <speed> (m/s)",
                     "Time = 2000-03-03 (index 2 of 5)", "grey: no value"):
            self.assertIn(text, page.prose)
        # histograms of all numbers, between their least and largest
        histogram = page.data[0]
        counts, edges = numpy.histogram(self.field[~numpy.isnan(self.field)], 40)
        self.assertEqual(histogram["series"][0]["values"], counts.tolist())
        numpy.testing.assert_allclose(histogram["x"], edges, rtol=1e-5, atol=1e-5)

    def test_answers_do_not_change(self):
        for arguments in (("stats", "run.h5:/u", "--bins", 5), ("kmeans", "run.h5:/waves", "--clusters", 3),
                          ("kmeans", "run.h5:/waves", "--clusters", "2:4"), ("info", "run.h5")):
            plain = without_seconds(run_json(*arguments, cwd=self.folder))
            extra = without_seconds(run_json(*arguments, "--report", "r.html", "--trace", "t.json", cwd=self.folder))
            self.assertEqual(plain, extra)
        asked = Page(self.path("r.html"))
        self.assertIn("run.h5", asked.prose)

    def test_stats_of_lines_integers_and_columns(self):
        page = self.page("stats", "run.h5:/series", "run.h5:/integers", "run.h5:/scalar")
        line = page.data[0]
        self.assertEqual(len(line["series"][0]["values"]), 1500)
        numpy.testing.assert_allclose(line["series"][0]["values"], numpy.sin(numpy.arange(0, 3000, 2) / 100), rtol=1e-6)
        self.assertIn("every 2nd value is shown", page.prose)
        with h5py.File(self.path("run.h5")) as file:
            counts = numpy.bincount(file["integers"][:], minlength=7)
        self.assertEqual(page.data[3]["series"][0]["values"], counts.tolist())
        columns = self.page("stats", "run.h5:/table", "--by-column", ranks=2)
        self.assertEqual(sum(chart["bars"] for chart in columns.data), 3)

    def test_kmeans_shows_labels_beside_the_field(self):
        page = self.page("kmeans", "run.h5:/cube", "--sample-axes", "1,2", "--clusters", 4, "--missing", "drop",
                         "--labels", "labels.h5", "--model", "model.h5", "--picture", "map.png", ranks=2)
        with h5py.File(self.path("labels.h5")) as file:
            labels = file["labels"][:][::-1, ::-1]
        expected = numpy.array(LABELS + [MISSING])[numpy.where(labels < 0, len(LABELS), labels)]
        numpy.testing.assert_array_equal(page.images[0], expected)
        self.check_field(page.images[1], self.cube[2][::-1, ::-1])
        # the picture for itself: every cell has its colour in its middle
        with PIL.Image.open(self.path("map.png")) as image:
            x, y, width, height, columns, rows = map(int, image.text["Serried cells"].split())
            pixels = numpy.asarray(image.convert("RGB"))
        self.assertEqual((columns, rows), (60, 40))
        middle = pixels[y + (2 * numpy.arange(rows)[:, None] + 1) * height // (2 * rows),
                        x + (2 * numpy.arange(columns) + 1) * width // (2 * columns)]
        numpy.testing.assert_array_equal(middle, expected)
        # centres as lines over time; inertia falls to its last value
        by_title = {chart["yTitle"]: chart for chart in page.data}
        with h5py.File(self.path("model.h5")) as file:
            centers = file["centers"][:]
        lines = by_title["Wind & <speed> (m/s)"]
        numpy.testing.assert_allclose([series["values"] for series in lines["series"]], centers, rtol=1e-6)
        self.assertEqual(lines["xTexts"][1], "2000-02-01")
        answer = run_json("kmeans", "run.h5:/cube", "--sample-axes", "1,2", "--clusters", 4, "--missing", "drop",
                          cwd=self.folder)
        inertia = by_title["sum of squared distances"]["series"][0]["values"]
        self.assertEqual(len(inertia), answer["iterations"])
        self.assertTrue(all(numpy.diff(inertia) <= 1e-9 * inertia[0]))
        self.assertLess(abs(inertia[-1] / answer["inertia"] - 1), 0.05)
        self.assertIn("30 samples are left out", page.prose)
        self.assertRegex(page.prose, r"silhouette 0\.\d+ \(mean of 2.?000 samples")

        predicted = self.page("predict", "model.h5", "run.h5:/cube", "--sample-axes", "1,2", "--missing", "drop",
                              "--picture", "again.png", name="predict.html", ranks=3)
        numpy.testing.assert_array_equal(predicted.images[0], expected)
        self.assertEqual(self.bytes_of("map.png"), self.bytes_of("again.png"))

    def test_inertia_by_iteration_is_that_of_fits_that_end_there(self):
        page = self.page("kmeans", "run.h5:/table", "--clusters", 4, "--init", "random", "--tolerance", 0)
        inertia = page.data[-1]["series"][0]["values"]
        for iterations in (1, 2):
            # the inertia of a fit is that of its last labels; after k iterations those of the next one
            answer = run_json("kmeans", "run.h5:/table", "--clusters", 4, "--init", "random", "--tolerance", 0,
                              "--max-iterations", iterations, cwd=self.folder)
            self.assertLessEqual(answer["inertia"], inertia[iterations - 1] * (1 + 1e-6))
            self.assertGreaterEqual(answer["inertia"], inertia[iterations] * (1 - 1e-6))
        final = run_json("kmeans", "run.h5:/table", "--clusters", 4, "--init", "random", "--tolerance", 0,
                         cwd=self.folder)
        self.assertAlmostEqual(inertia[-1] / final["inertia"], 1, places=6)

    def test_ranges_tables_and_tall_series(self):
        answer = run_json("kmeans", "run.h5:/table", "--clusters", "2:5", "--report", "page.html", ranks=2,
                          cwd=self.folder)
        page = Page(self.path("page.html"))
        scores = {chart["yTitle"]: chart for chart in page.data}
        for name, key in (("silhouette", "silhouette"), ("inertia", "inertia"), ("Davies-Bouldin", "davies_bouldin"),
                          ("Calinski-Harabasz", "calinski_harabasz")):
            numpy.testing.assert_allclose(scores[name]["series"][0]["values"], [fit[key] for fit in answer["fits"]],
                                          rtol=1e-6)
            self.assertEqual(scores[name]["x"], [2, 3, 4, 5])
        self.assertIn(f"{answer['best_clusters']} (best)", page.prose)

    def test_pictures_have_the_same_bytes_at_any_number_of_ranks(self):
        pictures, images = set(), set()
        for ranks in (1, 2, 3):
            self.run_in("stats", "run.h5:/large", "--picture", "p.png", "--report", "p.html", ranks=ranks)
            pictures.add(self.bytes_of("p.png"))
            images.add(Page(self.path("p.html")).images[0].tobytes())
        self.assertEqual((len(pictures), len(images)), (1, 1))
        # larger than a picture: every n-th row and column
        page = Page(self.path("p.html"))
        self.assertIn("every 3rd row and column is shown", page.prose)
        self.check_field(page.images[0], numpy.add.outer(numpy.arange(0, 1400, 3), numpy.arange(0, 1300, 3))[::-1])
        maps = set()
        for ranks in (1, 2, 3):
            self.run_in("kmeans", "run.h5:/large", "--sample-axes", "all", "--clusters", 3, "--max-iterations", 3,
                        "--picture", "m.png", "--quiet", ranks=ranks)
            maps.add(self.bytes_of("m.png"))
        self.assertEqual(len(maps), 1)

    def test_info_and_hostile_names(self):
        page = self.page("info", "run.h5")
        self.assertIn("<script>alert(1)", page.prose)
        self.assertIn("Wind & <speed>", page.prose)
        self.assertNotIn("script", page.tags)
        hostile = self.page("stats", "run.h5:/<script>alert(1)")
        self.assertIn("</script></pre><script>alert(2)</script>", hostile.prose)
        self.assertEqual(hostile.data[0]["series"][0]["name"], "</script></pre><script>alert(2)</script>")
        self.assertIn("instructions", self.page("info", ranks=2).prose)

    def test_the_run_and_where_it_comes_from(self):
        page = self.page("kmeans", "run.h5:/waves", "--clusters", 3, "--seed", 7, ranks=2)
        for text in ("imbalance", "through MPI", "2 ranks", "--seed 7", "run.h5", "peak memory", "Where the ranks ran",
                     "HDF5 1.", self.folder):
            self.assertIn(text, page.prose)
        self.assertRegex(page.prose, "bound this run")
        self.assertLess(page.text.index("<h2>Result"), page.text.index("<h2>The run"))

    def test_trace(self):
        for ranks in (1, 3):
            self.run_in("kmeans", "run.h5:/waves", "--clusters", 3, "--trace", "trace.json", ranks=ranks)
            with open(self.path("trace.json"), encoding="utf-8") as file:
                trace = json.load(file)
            spans = [event for event in trace["traceEvents"] if event["ph"] == "X"]
            self.assertEqual({event["pid"] for event in spans}, set(range(ranks)))
            names = {event["name"] for event in spans}
            self.assertTrue({"read", "init", "fit"} <= names, names)
            for rank in range(ranks):
                self.check_nesting([event for event in spans if event["pid"] == rank])
            self.assertEqual(trace["otherData"], {"ranks": ranks, "spans_left_out": 0})

    def check_nesting(self, spans):
        for row in {event["tid"] for event in spans}:
            ends = []
            for event in sorted((e for e in spans if e["tid"] == row), key=lambda e: (e["ts"], -e["dur"])):
                self.assertGreaterEqual(event["ts"], 0)
                while ends and ends[-1] <= event["ts"] + 0.0015:
                    ends.pop()
                if ends:
                    self.assertLessEqual(event["ts"] + event["dur"], ends[-1] + 0.0025)
                ends.append(event["ts"] + event["dur"])

    def test_outputs_are_refused_before_the_work(self):
        before = self.bytes_of("run.h5")
        stats, kmeans = ("stats", "run.h5:/u"), ("kmeans", "run.h5:/table", "--clusters", 2)
        for code, words, *arguments in (
                (4, "there is no folder nowhere", *stats, "--report", "nowhere/r.html"),
                (4, "there is no folder nowhere", *stats, "--picture", "nowhere/r.png"),
                (4, "there is no folder nowhere", "info", "run.h5", "--trace", "nowhere/t.json"),
                (4, "is a folder", *stats, "--trace", "."),
                (2, "would replace the input", *stats, "--report", "run.h5"),
                (2, "would replace the input", *kmeans, "--trace", "./run.h5"),
                (2, "same file", *kmeans, "--labels", "same.h5", "--report", "./same.h5"),
                (2, "same file", *kmeans, "--model", "same.h5", "--trace", "same.h5"),
                (2, "same file", *stats, "--report", "same", "--picture", "same"),
                (2, "another", *stats, "--report", "a.html", "--report", "b.html"),
                (2, "a file name is needed", *stats, "--report", ""),
                (2, "a file name is needed", *stats, "--picture", ""),
                (2, "no use with info", "info", "run.h5", "--picture", "i.png"),
                (2, "there is no picture of", "stats", "run.h5:/scalar", "--picture", "s.png"),
                (2, "there is no map of these labels", *kmeans, "--picture", "s.png")):
            done = self.run_in(*arguments, code=code)
            self.assertIn(words, done.stderr, arguments)
            self.assertEqual(done.stdout, "")
        self.assertEqual(self.bytes_of("run.h5"), before)
        self.assertFalse([name for name in os.listdir(self.folder) if name in ("same", "same.h5", "s.png", "a.html")])

    def test_a_run_that_fails_leaves_nothing(self):
        names = set(os.listdir(self.folder))
        done = self.run_in("kmeans", "run.h5:/u", "--sample-axes", "all", "--clusters", 2, "--report", "f.html",
                           "--trace", "f.json", "--picture", "f.png", code=3, ranks=2)
        self.assertIn("NaN", done.stderr)
        self.assertEqual(set(os.listdir(self.folder)), names)

    def test_report_as_text_and_as_a_page(self):
        done = self.run_in("stats", "run.h5:/u", "--report", "-", "--report", "both.html")
        self.assertIn("phase", done.stderr)
        self.assertIn("The run", Page(self.path("both.html")).prose)

    def test_the_climate_is_where_it_belongs(self):
        sst = data_file("climate/sst.mnmean.nc")
        page = self.page("kmeans", f"{sst}:/sst", "--sample-axes", "1,2", "--missing", "drop", "--clusters", 5,
                         "--picture", "sst.png", ranks=2)
        with h5py.File(sst) as file:
            values = file["sst"][64]
            is_land = values < -1e30
            self.assertGreater(file["lat"][0], file["lat"][-1])
        field = numpy.where(is_land, numpy.nan, values)
        self.check_field(page.images[1], field)  # north is first in the file
        is_grey = (page.images[0] == MISSING).all(axis=2)
        numpy.testing.assert_array_equal(is_grey, is_land)
        # Africa at 20 N 20 E, the Pacific at 0 N 180 E
        self.assertTrue(is_grey[(88 - 20) // 2, 10])
        self.assertFalse(is_grey[88 // 2, 90])
        for text in ("Latitude (degrees_north)", "Longitude (degrees_east)", "(degC)"):
            self.assertIn(text, page.prose)


if __name__ == "__main__":
    main()
