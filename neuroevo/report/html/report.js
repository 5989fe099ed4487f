// The script of report.html: columns sort, a switch shows tables in place of figures, tables that scroll say so,
// and a button copies the citation. The page reads well without.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const blank = (x) => x === null || x === "";
  const key = (row, column) => {
    const cell = row.cells[column], number = cell.dataset.v;
    if (number === undefined) return cell.textContent.trim();
    return number === "" ? null : Number(number);
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b
    : String(a).localeCompare(String(b), "en", {numeric: true});
  const sort = (table, heads, column) => {
    const up = heads[column].getAttribute("aria-sort") !== "ascending";
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [key(row, column), row]);
    rows.sort(([a], [b]) => blank(a) || blank(b) ? blank(a) - blank(b) : up ? compare(a, b) : compare(b, a));
    body.append(...rows.map(([, row]) => row));
  };
  // Heads become buttons here, so that without a script they do not look as if they could be pressed.
  document.querySelectorAll("table.sortable").forEach((table) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(table, heads, column));
    });
  });
  // A hint stands above each table that is wider than its window, and goes where it fits.
  const tables = document.querySelectorAll(".scroll");
  const fit = () => tables.forEach((box) => {
    box.previousElementSibling.hidden = box.scrollWidth <= box.clientWidth + 1;
  });
  addEventListener("resize", fit);
  document.querySelectorAll("details").forEach((data) => data.addEventListener("toggle", fit));
  const copy = document.getElementById("copy");
  const say = (text) => { document.getElementById("copy-said").textContent = text; };
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    const entry = document.getElementById("bibtex");
    try {
      await navigator.clipboard.writeText(entry.textContent);
      say(copy.dataset.copied);
    } catch {  // where the page may not write to the clipboard, the text is selected to be copied
      getSelection().selectAllChildren(entry);
      say(document.execCommand("copy") ? copy.dataset.copied : copy.dataset.failed);
    }
  });
  const button = document.getElementById("switch");
  const show = (on) => {
    root.classList.toggle("tables", on);
    button.setAttribute("aria-pressed", on);
    document.querySelectorAll("details.data").forEach((data) => { data.open = on; });
    fit();
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    const on = !root.classList.contains("tables");
    show(on);
    history.replaceState(null, "", location.href.split("#")[0] + (on ? "#tables" : ""));
  });
  const follow = () => { if (location.hash === "#tables") show(true); };
  addEventListener("hashchange", follow);
  follow();
  fit();
})();
