// Draws the follower history of a creator; measured and other counts look different.
"use strict";

(() => {
  const canvas = document.getElementById("chart");
  if (!canvas || typeof Chart === "undefined") {
    return;
  }
  const points = JSON.parse(canvas.dataset.points);
  const isStill = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const darkness = window.matchMedia("(prefers-color-scheme: dark)");
  const utcDay = (text) => Date.parse(`${text}T00:00:00Z`);
  const dayText = (value) => new Date(value).toISOString().slice(0, 10);
  const colour = (name) => {
    canvas.style.color = `var(${name})`;
    return getComputedStyle(canvas).color;
  };
  const shapes = { observed: "circle", estimated: "circle", late: "triangle" };
  let chart = null;

  function draw() {
    const colours = {
      observed: colour("--accent"),
      estimated: colour("--estimated"),
      late: colour("--late"),
      text: colour("--text"),
      line: colour("--line"),
      surface: colour("--surface"),
    };
    const labels = { observed: "measured", estimated: "estimated", late: "backdated" };
    const basis = (context) => points[context.dataIndex]?.basis ?? "observed";
    const isEstimated = (segment) =>
      points[segment.p0DataIndex].basis !== "observed" || points[segment.p1DataIndex].basis !== "observed";
    if (chart) {
      chart.destroy();
    }
    chart = new Chart(canvas, {
      type: "line",
      data: {
        datasets: [
          {
            label: "Followers",
            data: points.map((point) => ({ x: utcDay(point.recorded_date), y: point.follower_count })),
            borderColor: colours.observed,
            borderWidth: 2,
            pointStyle: (context) => shapes[basis(context)],
            pointRadius: (context) => (basis(context) === "late" ? 6 : 4),
            pointHoverRadius: 7,
            pointBorderWidth: 2,
            pointBorderColor: (context) => colours[basis(context)],
            pointBackgroundColor: (context) => (basis(context) === "observed" ? colours.observed : colours.surface),
            segment: {
              borderDash: (segment) => (isEstimated(segment) ? [5, 5] : undefined),
              borderColor: (segment) => (isEstimated(segment) ? colours.estimated : undefined),
            },
          },
        ],
      },
      options: {
        animation: isStill ? false : { duration: 300 },
        maintainAspectRatio: false,
        interaction: { mode: "nearest", axis: "x", intersect: false },
        plugins: {
          legend: {
            labels: {
              color: colours.text,
              usePointStyle: true,
              boxWidth: 8,
              boxHeight: 8,
              generateLabels: () =>
                ["observed", "estimated", "late"]
                  .filter((name) => points.some((point) => point.basis === name))
                  .map((name) => ({
                    text: labels[name],
                    fontColor: colours.text,
                    pointStyle: shapes[name],
                    fillStyle: name === "observed" ? colours.observed : colours.surface,
                    strokeStyle: colours[name],
                    lineWidth: 2,
                  })),
            },
            onClick: () => {},
          },
          tooltip: {
            callbacks: {
              title: (items) => items.map((item) => dayText(item.parsed.x)),
              label: (item) => `${item.parsed.y.toLocaleString("en-US")} followers, ${labels[points[item.dataIndex].basis]}`,
            },
          },
        },
        scales: {
          x: {
            type: "linear",
            ticks: { color: colours.text, maxRotation: 0, callback: dayText, stepSize: 86400000, autoSkipPadding: 24 },
            grid: { color: colours.line },
          },
          y: {
            title: { display: true, text: "Followers", color: colours.text },
            ticks: { color: colours.text, callback: (value) => value.toLocaleString("en-US") },
            grid: { color: colours.line },
          },
        },
      },
    });
  }

  draw();
  darkness.addEventListener("change", draw);
  document.documentElement.addEventListener("themechange", draw);
})();
