// Puts Chart.js's charts, which tell values, in the place of the drawn ones. Without Chart.js those stay.
(function () {
  "use strict";
  if (typeof Chart === "undefined") return;
  const charts = [];

  function color(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function short(value) {
    return Number(value.toPrecision(6)).toString();
  }

  function placeText(data, i) {
    if (data.xTexts) return data.xTexts[i];
    if (data.bars) return short(data.x[i]) + " to " + short(data.x[i + 1]);
    return short(data.x[i]);
  }

  function datasets(data) {
    return data.series.map(function (series) {
      const points = series.values.map(function (value, i) {
        const x = data.bars ? (data.x[i] + data.x[i + 1]) / 2 : data.x[i];
        return { x: x, y: value };
      });
      return {
        label: series.name, data: points, own: series.color,
        borderWidth: data.bars ? 0 : 1.6, pointRadius: data.points || points.length === 1 ? 3.5 : 0,
        pointHitRadius: 6, spanGaps: false, parsing: false, normalized: true,
        barPercentage: 1, categoryPercentage: 0.92, grouped: false
      };
    });
  }

  function make(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const live = figure.querySelector(".live");
    const range = data.range;
    const texts = new Map(data.xTicks);
    const step = data.bars ? data.x[1] - data.x[0] : 0;
    const chart = new Chart(live.querySelector("canvas"), {
      type: data.bars ? "bar" : "line",
      data: { datasets: datasets(data) },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false,
        interaction: { mode: "nearest", axis: "x", intersect: false },
        plugins: {
          legend: { display: data.series.length > 1, labels: { boxWidth: 12 } },
          tooltip: {
            callbacks: {
              title: function (items) { return items.length ? placeText(data, items[0].dataIndex) : ""; },
              label: function (item) { return " " + item.dataset.label + ": " + short(item.parsed.y); }
            }
          }
        },
        scales: {
          x: {
            type: "linear", min: range[0], max: range[1], offset: false,
            title: { display: data.xTitle !== "", text: data.xTitle },
            afterBuildTicks: function (axis) {
              axis.ticks = data.xTicks.map(function (tick) { return { value: tick[0] }; });
            },
            ticks: { autoSkip: true, maxRotation: 0, callback: function (value) { return texts.get(value); } },
            grid: { display: false }
          },
          y: { min: range[2], max: range[3], title: { display: data.yTitle !== "", text: data.yTitle },
               ticks: { maxTicksLimit: 7, includeBounds: false } }
        }
      },
      plugins: data.bars ? [{
        id: "widths",
        beforeDatasetsDraw: function (drawn) {
          const x = drawn.scales.x;
          drawn.getDatasetMeta(0).data.forEach(function (bar) {
            bar.width = Math.max(1, 0.94 * (x.getPixelForValue(range[0] + step) - x.getPixelForValue(range[0])));
          });
        }
      }] : []
    });
    live.hidden = false;
    figure.querySelector(".plot").hidden = true;
    const key = figure.querySelector(".key");
    if (key) key.hidden = true;
    charts.push(chart);
  }

  function paint() {
    Chart.defaults.color = color("--ink");
    Chart.defaults.borderColor = color("--line");
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    charts.forEach(function (chart) {
      ["x", "y"].forEach(function (axis) {
        chart.options.scales[axis].ticks.color = color("--ink");
        chart.options.scales[axis].title.color = color("--ink");
        chart.options.scales[axis].grid.color = color("--line");
        chart.options.scales[axis].grid.borderColor = color("--faint");
      });
      chart.data.datasets.forEach(function (set) {
        set.borderColor = set.backgroundColor = set.own || color("--accent");
      });
      chart.options.plugins.legend.labels.color = color("--ink");
      chart.update("none");
    });
  }

  paint();
  document.querySelectorAll("figure.chart").forEach(make);
  paint();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
})();
