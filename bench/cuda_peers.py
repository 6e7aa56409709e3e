#!/usr/bin/env python3
"""PyTorch on the GPU, doing what the benchmarks in bench/cuda do: the same sizes and figures of the same names.

    bench/cuda_peers.py [--elements N] [--repeats 9] [--quick] [--only copy,moments,...] [--device cpu]

Prints one line of JSON for each figure. k-means is what one writes with PyTorch: blocks of rows, |c|^2 - 2 x.c by a
matrix product, argmin, and sums of the clusters by index_add or by a product with a matrix of zeros and ones,
whichever is faster on a block; with TF32 off, and with TF32 on as a figure of its own (it decides some rows wrongly).
Statistics are mean, var, min and max one after another, which is less than what Serried's moments hold.
Exit code 77 where there is no PyTorch or no GPU.
"""
import argparse
import json
import statistics
import sys
import time

try:
    import torch
except ImportError:
    print("there is no PyTorch: nothing to compare with", file=sys.stderr)
    sys.exit(77)

ROWS_AT_ONCE = 1 << 21


class Bench:
    def __init__(self, options: argparse.Namespace):
        self.device = torch.device(options.device)
        self.is_cuda = self.device.type == "cuda"
        self.elements = options.elements
        self.is_quick = options.quick
        self.repeats = options.repeats or (3 if options.quick else 9)
        self.name = torch.cuda.get_device_name(0) if self.is_cuda else "cpu"

    def count(self, usual: int, bytes_each: float) -> int:
        """As many elements as the C++ programs take, and as fit."""
        wanted = self.elements or (usual // 4 if self.is_quick else usual)
        if not self.is_cuda:
            return wanted
        torch.cuda.empty_cache()
        free, _ = torch.cuda.mem_get_info()
        return max(1, min(wanted, int(0.8 * free / bytes_each)))

    def wait(self) -> None:
        if self.is_cuda:
            torch.cuda.synchronize()

    def times(self, work, warm_ups: int = 2) -> list:
        for _ in range(warm_ups):
            work()
        self.wait()
        seconds = []
        for _ in range(self.repeats):
            begin = time.perf_counter()
            work()
            self.wait()
            seconds.append(time.perf_counter() - begin)
        return seconds

    def report(self, bench: str, key: str, elements: int, seconds: list, **more) -> None:
        figure = {
            "bench": bench,
            "key": key,
            "peer": "torch " + torch.__version__,
            "device": self.name,
            "elements": elements,
            "seconds": statistics.median(seconds),
            "seconds_least": min(seconds),
            "seconds_most": max(seconds),
            "repeats": len(seconds),
        }
        print(json.dumps(figure | more), flush=True)


def copy(bench: Bench) -> None:
    size = bench.count(4 << 30, 2) // 4
    source = torch.randn(max(2, size), device=bench.device)
    target = torch.empty_like(source)
    moved = 2 * source.numel() * 4
    seconds = bench.times(lambda: target.copy_(source))
    bench.report("copy", "copy", moved // 2, seconds, bytes_per_s=moved / statistics.median(seconds))


def upload(bench: Bench) -> None:
    for size, name in ((1 << 20, "1 MiB"), (bench.count(1 << 30, 1), "1 GiB")):
        host = torch.randn(max(2, size // 4))
        kinds = [("", host)] + ([(" pinned", host.pin_memory())] if bench.is_cuda else [])
        target = torch.empty_like(host, device=bench.device)
        for suffix, source in kinds:
            moved = host.numel() * 4
            up = bench.times(lambda source=source: target.copy_(source))
            down = bench.times(lambda source=source: source.copy_(target))
            for way, seconds in (("upload", up), ("download", down)):
                rate = moved / statistics.median(seconds)
                bench.report("upload", f"{way} {name}{suffix}", moved, seconds, bytes_per_s=rate)


def moments(bench: Bench) -> None:
    for dtype, name, width in ((torch.float32, "f32", 4), (torch.float64, "f64", 8)):
        for columns in (1, 32):
            rows = max(2, bench.count(1_000_000_000, 2.2 * width) // columns)
            shape = (rows,) if columns == 1 else (rows, columns)
            data = torch.empty(shape, dtype=dtype, device=bench.device).normal_(10, 3)

            def work(data=data, columns=columns):
                if columns == 1:
                    return data.mean(), data.var(), data.min(), data.max()
                return data.mean(0), data.var(0), data.amin(0), data.amax(0)

            seconds = bench.times(work)
            rate = rows * columns * width / statistics.median(seconds)
            key = f"moments {name} columns={columns}"
            bench.report("moments", key, rows * columns, seconds, bytes_per_s=rate, what="mean, var, min, max")
            del data


def histogram(bench: Bench) -> None:
    for dtype, name, width, bins in (
        (torch.float32, "f32", 4, 100),
        (torch.float32, "f32", 4, 10_000),
        (torch.float64, "f64", 8, 100),
    ):
        size = bench.count(1_000_000_000, 2.2 * width)
        data = torch.empty(size, dtype=dtype, device=bench.device).normal_(10, 3)
        seconds = bench.times(lambda data=data, bins=bins: torch.histc(data, bins, 0, 20), 1)
        rate = size * width / statistics.median(seconds)
        bench.report("histogram", f"histogram {name} columns=1 bins={bins}", size, seconds, bytes_per_s=rate)
        del data


def random(bench: Bench) -> None:
    size = bench.count(1 << 26, 24)
    for dtype, name in ((torch.float32, "f32"), (torch.float64, "f64")):
        out = torch.empty(size, dtype=dtype, device=bench.device)
        for kind, work in (("uniform", out.uniform_), ("normal", out.normal_)):
            seconds = bench.times(work)
            rate = size / statistics.median(seconds)
            bench.report("random", f"{kind} {name}", size, seconds, numbers_per_s=rate)


def add_by_index(sums: torch.Tensor, found: torch.Tensor, rows: torch.Tensor) -> None:
    sums.index_add_(0, found, rows)


def add_by_product(sums: torch.Tensor, found: torch.Tensor, rows: torch.Tensor) -> None:
    member = torch.zeros(len(rows), len(sums), dtype=rows.dtype, device=rows.device)
    member.scatter_(1, found[:, None], 1)
    sums.addmm_(member.T, rows)


def lloyd(data: torch.Tensor, centers: torch.Tensor, labels: torch.Tensor, add_rows) -> torch.Tensor:
    """One iteration; returns the new centres."""
    clusters = len(centers)
    squares = (centers * centers).sum(1)
    sums = torch.zeros_like(centers)
    counts = torch.zeros(clusters, dtype=torch.int64, device=data.device)
    for begin in range(0, len(data), ROWS_AT_ONCE):
        rows = data[begin : begin + ROWS_AT_ONCE]
        found = torch.addmm(squares, rows, centers.T, alpha=-2).argmin(1)
        labels[begin : begin + ROWS_AT_ONCE] = found
        add_rows(sums, found, rows)
        counts += torch.bincount(found, minlength=clusters)
    return torch.where(counts[:, None] > 0, sums / counts[:, None], centers)


def faster_sums(bench: Bench, rows: torch.Tensor, centers: torch.Tensor, labels: torch.Tensor):
    ways = (add_by_index, add_by_product)
    return min(ways, key=lambda add: min(bench.times(lambda: lloyd(rows, centers, labels, add), 1)))


def kmeans(bench: Bench) -> None:
    for dtype, name, width, rows, features, clusters in (
        (torch.float32, "f32", 4, 100_000_000, 32, 64),
        (torch.float32, "f32", 4, 200_000_000, 16, 8),
        (torch.float64, "f64", 8, 20_000_000, 32, 64),
    ):
        rows = max(clusters, bench.count(rows, 1.2 * (features * width + 4)))
        data = torch.empty(rows, features, dtype=dtype, device=bench.device)
        places = 4 * torch.rand(clusters, features, dtype=dtype, device=bench.device)
        for begin in range(0, rows, ROWS_AT_ONCE):
            part = data[begin : begin + ROWS_AT_ONCE]
            which = torch.randint(clusters, (len(part),), device=bench.device)
            part.normal_()
            part.add_(places[which])
        labels = torch.full((rows,), -1, dtype=torch.int32, device=bench.device)
        start = data[:clusters].clone()
        for mode in ("", " tf32") if dtype == torch.float32 and bench.is_cuda else ("",):
            torch.backends.cuda.matmul.allow_tf32 = mode == " tf32"
            centers = [start.clone()]
            add_rows = faster_sums(bench, data[:ROWS_AT_ONCE], start, labels[:ROWS_AT_ONCE])

            def work(data=data, labels=labels, centers=centers, add_rows=add_rows):
                centers[0] = lloyd(data, centers[0], labels, add_rows)

            seconds = bench.times(work, 1)
            torch.backends.cuda.matmul.allow_tf32 = False
            rate = 2e-9 * rows * features * clusters / statistics.median(seconds)
            shape = f"{name} d={features} k={clusters}"
            for which in ("iteration", "first iteration") if not mode else ("iteration",):
                key = f"kmeans {which} {shape}{mode}"
                bench.report("kmeans", key, rows, seconds, gflop_per_s=rate, how=add_rows.__name__)
        del data, labels, start


ALL = {"copy": copy, "upload": upload, "moments": moments, "kmeans": kmeans, "histogram": histogram, "random": random}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, default=0, help="instead of the usual number")
    parser.add_argument("--repeats", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a quarter of the elements, 3 repeats")
    parser.add_argument("--only", help="some of " + ",".join(ALL))
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("PyTorch sees no GPU", file=sys.stderr)
        return 77
    torch.set_float32_matmul_precision("highest")
    bench = Bench(options)
    failures = 0
    for name in (options.only or ",".join(ALL)).split(","):
        try:
            ALL[name](bench)
        except Exception as error:  # a figure that cannot be had does not stop the others
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            failures += 1
        if bench.is_cuda:
            torch.cuda.empty_cache()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
