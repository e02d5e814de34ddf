// What the pages do by themselves: search, open details for print, draw charts.
// Everything can be read without it; nothing here asks a network.
(() => {
  "use strict";
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

  // Search and filters of the overview.
  const search = document.getElementById("search");
  if (search) {
    const chips = all("[data-filter]"), rows = all("ul.tables > li"), nothing = document.getElementById("nothing");
    let filter = "";
    const show = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean), wanted = filter.split(" ").filter(Boolean);
      for (const row of rows) {
        const states = row.dataset.states.split(" ");
        row.hidden = !(words.every(word => row.dataset.text.includes(word)) &&
          (!wanted.length || wanted.some(state => states.includes(state))));
      }
      for (const layer of all("section.layer")) layer.hidden = !all("ul.tables > li", layer).some(row => !row.hidden);
      nothing.hidden = !rows.length || rows.some(row => !row.hidden);
    };
    search.form.addEventListener("submit", event => event.preventDefault());
    search.addEventListener("input", show);
    for (const chip of chips) chip.addEventListener("click", () => {
      filter = chip.dataset.filter;
      for (const other of chips) other.setAttribute("aria-pressed", String(other === chip));
      show();
    });
    document.addEventListener("keydown", event => {
      if (event.key === "/" && document.activeElement !== search) { event.preventDefault(); search.focus(); }
      if (event.key === "Escape" && document.activeElement === search) { search.value = ""; show(); search.blur(); }
    });
  }

  // Charts: figures stand as JSON beside their places; a colour such as "--kept" is one of the style sheet.
  const style = () => getComputedStyle(document.documentElement);
  const coloured = (value, look) =>
    typeof value === "string" && value.startsWith("--") ? look.getPropertyValue(value).trim()
    : Array.isArray(value) ? value.map(item => coloured(item, look))
    : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, coloured(item, look)]))
    : value;
  const axis = (look, own) => ({
    gridcolor: look.getPropertyValue("--line").trim(), linecolor: look.getPropertyValue("--line").trim(),
    zerolinecolor: look.getPropertyValue("--line").trim(), tickfont: { color: look.getPropertyValue("--soft").trim(), size: 11 },
    automargin: true, fixedrange: true, ...own,
  });
  const draw = place => {
    const look = style(), figure = coloured(JSON.parse(place.nextElementSibling.textContent), look);
    const layout = {
      margin: { l: 44, r: 12, t: 10, b: 32 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true,
      font: { family: look.getPropertyValue("--sans"), color: look.getPropertyValue("--soft").trim(), size: 12 },
      legend: { orientation: "h", x: 1, xanchor: "right", y: 1.02, yanchor: "bottom" },
      hoverlabel: { bgcolor: look.getPropertyValue("--card").trim(), font: { color: look.getPropertyValue("--ink").trim() } },
      dragmode: false, ...figure.layout,
    };
    layout.xaxis = axis(look, { showgrid: false, ...figure.layout.xaxis });
    layout.yaxis = axis(look, { nticks: 5, ...figure.layout.yaxis });
    return Plotly.react(place, figure.data, layout, { displayModeBar: false, responsive: true });
  };
  addEventListener("DOMContentLoaded", () => {
    const places = all(".plot");
    if (!places.length || !window.Plotly) return;
    // A page with very many charts draws them as they come into sight; paper wants them all.
    const seen = new IntersectionObserver(entries => {
      for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
    }, { rootMargin: "600px" });
    places.forEach(place => places.length > 40 ? seen.observe(place) : draw(place));
    const again = () => places.filter(place => place.data).forEach(draw);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    matchMedia("print").addEventListener("change", event => { (event.matches ? places : places.filter(p => p.data)).forEach(draw); });
    addEventListener("beforeprint", () => places.forEach(draw));
    addEventListener("afterprint", again);
  });

  let opened = [];
  addEventListener("beforeprint", () => { opened = all("details:not([open])"); opened.forEach(one => { one.open = true; }); });
  addEventListener("afterprint", () => opened.forEach(one => { one.open = false; }));
})();
