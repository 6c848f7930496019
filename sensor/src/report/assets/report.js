// Filter, sorting and details of the endpoints; the state is the fragment of the address
// (#q=orders&sort=calls). Names come from traffic: they are only ever set as text, never as markup.
(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  document.documentElement.classList.add("scripted");

  // --- elements -----------------------------------------------------------------------------------
  const element = (name, properties, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  };
  const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");
  const duration = (ms) =>
    ms < 1 ? `${Math.round(ms * 1000)} µs` : ms < 100 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
  const size = (bytes) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let unit = 0;
    for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024;
    return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
  };
  const minute = (time) => time.slice(0, 16).replace("T", " ");
  const table = (names, rows) =>
    element("table", {},
      element("thead", {}, element("tr", {}, ...names.map((name) =>
        element("th", { scope: "col", className: name.startsWith("#") ? "n" : "", textContent: name.replace("#", "") })))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell, at) =>
        element("td", { className: names[at].startsWith("#") ? "n" : "" }, typeof cell === "number" ? grouped(cell) : cell))))));
  const code = (text) => element("code", { textContent: text });

  // --- the picture --------------------------------------------------------------------------------
  const map = one("#map");
  if (map) {
    const nodes = all(".node", map);
    const lines = all(".lines path", map);
    const show = (lit) => {
      const on = lit.length > 0;
      map.classList.toggle("dim", on);
      const hot = new Set();
      for (const line of lines) {
        line.classList.toggle("hot", lit.includes(line));
        if (lit.includes(line)) hot.add(`c${line.dataset.c}`).add(`s${line.dataset.s}`);
      }
      for (const node of nodes) node.classList.toggle("hot", hot.has(node.dataset.side + node.dataset.n));
    };
    for (const line of lines) {
      line.addEventListener("pointerenter", () => show([line]));
      line.addEventListener("pointerleave", () => show([]));
    }
    for (const node of nodes) {
      const own = lines.filter((line) => line.dataset[node.dataset.side] === node.dataset.n);
      for (const event of ["pointerenter", "focus"]) node.addEventListener(event, () => show(own));
      for (const event of ["pointerleave", "blur"]) node.addEventListener(event, () => show([]));
      if (node.dataset.name === undefined) continue;
      const choose = (event) => {
        event.preventDefault();
        clear();
        const name = node.dataset.side === "s" ? "service" : "caller";
        state[name] = node.dataset.name;
        apply();
        one("#endpoints").scrollIntoView();
      };
      node.setAttribute("tabindex", "0");
      if (node.localName !== "a") node.setAttribute("role", "button");
      node.addEventListener("click", choose);
      node.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") choose(event);
      });
    }
  }

  // --- data ---------------------------------------------------------------------------------------
  const list = one("#list");
  const form = one("#filter");
  if (!list || !form) return;
  const index = JSON.parse(one("#index").textContent);
  const text = (number) => index.texts[number];
  const rows = all("tr.e", list);
  const bodies = all("tbody", list);
  const entries = index.endpoints.map((raw, at) => {
    const entry = {
      at, row: rows[at], body: rows[at].parentNode, raw,
      service: text(raw.service), method: text(raw.method), path: text(raw.path),
      doubt: raw.doubt === undefined ? "" : text(raw.doubt), last: text(raw.last),
      auth: raw.credentials.map(text), who: raw.who.map(text),
    };
    entry.words = [entry.service, entry.method, entry.path, ...entry.auth, ...entry.who].join("\n").toLowerCase();
    return entry;
  });
  const blockOf = [];
  const details = (at) => {
    const scripts = all("script.block");
    const per = Number(scripts[0].dataset.size);
    const number = Math.floor(at / per);
    blockOf[number] ??= JSON.parse(scripts[number].textContent);
    return { texts: blockOf[number].texts, found: blockOf[number].endpoints[at % per] };
  };

  // --- state --------------------------------------------------------------------------------------
  const names = ["q", "service", "method", "caller", "auth", "confirmed", "flat", "sort", "desc", "open"];
  const state = {};
  const clear = () => names.forEach((name) => { if (name !== "sort" && name !== "desc") delete state[name]; });
  const read = () => {
    names.forEach((name) => delete state[name]);
    const hash = location.hash.slice(1);
    if (!hash.includes("=")) return;
    for (const [name, value] of new URLSearchParams(hash)) if (names.includes(name) && value) state[name] = value;
  };
  const write = () => {
    const hash = new URLSearchParams(names.filter((name) => state[name]).map((name) => [name, state[name]])).toString();
    try {
      if (hash || location.hash.includes("=")) history.replaceState(null, "", `#${hash}`);
    } catch {
      // Some viewers do not let a file change its address.
    }
  };

  // --- filter -------------------------------------------------------------------------------------
  const hasField = (entry, wanted) => {
    const { texts, found } = details(entry.at);
    return found.fields.some((field) => texts[field[1]].toLowerCase().includes(wanted));
  };
  const some = (texts, wanted) => texts.some((each) => each.toLowerCase().includes(wanted));
  const isLike = {
    service: (entry, wanted) => entry.service.toLowerCase().includes(wanted),
    method: (entry, wanted) => entry.method.toLowerCase() === wanted,
    path: (entry, wanted) => entry.path.toLowerCase().includes(wanted),
    caller: (entry, wanted) => some(entry.who, wanted),
    auth: (entry, wanted) => some(entry.auth, wanted),
    credential: (entry, wanted) => some(entry.auth, wanted),
    confirmed: (entry, wanted) => (wanted.startsWith("n") ? entry.doubt !== "" : entry.doubt === ""),
    field: hasField,
  };
  const tests = () => {
    const wanted = [];
    for (const word of (state.q || "").toLowerCase().split(/\s+/).filter(Boolean)) {
      const colon = word.indexOf(":");
      const named = colon > 0 && Object.hasOwn(isLike, word.slice(0, colon)) ? isLike[word.slice(0, colon)] : null;
      const value = word.slice(colon + 1);
      if (named && value) wanted.push((entry) => named(entry, value));
      else if (!named) wanted.push((entry) => entry.words.includes(word));
    }
    if (state.service) wanted.push((entry) => entry.service === state.service);
    if (state.method) wanted.push((entry) => entry.method === state.method);
    if (state.caller) wanted.push((entry) => entry.who.includes(state.caller));
    if (state.auth) wanted.push((entry) => entry.auth.includes(state.auth));
    if (state.confirmed) wanted.push((entry) => isLike.confirmed(entry, state.confirmed));
    return wanted;
  };

  // --- sorting ------------------------------------------------------------------------------------
  const keys = {
    path: (entry) => entry.at,
    calls: (entry) => entry.raw.calls,
    failed: (entry) => entry.raw.failed,
    p95: (entry) => entry.raw.p95 ?? -1,
    fields: (entry) => entry.raw.fields,
    auth: (entry) => entry.auth.join(", "),
    callers: (entry) => entry.raw.callers,
    confirmed: (entry) => entry.doubt,
    last: (entry) => entry.last,
  };
  // Numbers are wanted with the largest first.
  const falls = new Set(["calls", "failed", "p95", "fields", "callers", "last"]);
  const order = () => {
    const key = Object.hasOwn(keys, state.sort ?? "") ? keys[state.sort] : keys.path;
    const sign = (state.desc ? state.desc === "1" : falls.has(state.sort)) ? -1 : 1;
    return [...entries].sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      return (x < y ? -1 : x > y ? 1 : 0) * sign || a.at - b.at;
    });
  };
  let arranged = "";
  const arrange = () => {
    const wanted = [state.sort, state.desc, state.flat].join();
    if (wanted === arranged) return;
    arranged = wanted;
    const flat = state.flat === "1";
    list.classList.toggle("flat", flat);
    if (flat) for (const entry of entries) label(entry);
    const into = new Map(bodies.map((body) => [body, document.createDocumentFragment()]));
    for (const entry of order()) {
      const fragment = into.get(flat ? bodies[0] : entry.body);
      fragment.append(entry.row);
      if (entry.detail) fragment.append(entry.detail);
    }
    for (const [body, fragment] of into) body.append(fragment);
    for (const head of all("thead th", list)) {
      if (head.dataset.sort === state.sort) {
        const down = state.desc ? state.desc === "1" : falls.has(state.sort);
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
      } else head.removeAttribute("aria-sort");
    }
  };
  const label = (entry) => {
    if (entry.labelled) return;
    entry.labelled = true;
    one(".open", entry.row).append(element("small", { className: "service", textContent: entry.service }));
  };

  // --- details ------------------------------------------------------------------------------------
  const evidence = (entry, found) => {
    const [successes, seconds, callers, paths] = found.evidence;
    if (!successes) return "no call was answered with a status below 400";
    const parts = [`${grouped(successes)} ${successes === 1 ? "success" : "successes"}`];
    if (seconds >= 1) parts.push(`over ${seconds < 120 ? `${Math.round(seconds)} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`}`);
    parts.push(`of ${callers} ${callers === 1 ? "caller" : "callers"} or more`);
    if (paths > 1) parts.push(`on ${paths} paths or more`);
    return parts.join(", ");
  };
  const why = {
    "": "Confirmed", "no-response": "Not confirmed: no response was seen", refused: "Not confirmed: always refused",
    "one-try": "Not confirmed: seen to work once only", "over-budget": "Stands for the paths that were too many",
  };
  const build = (entry) => {
    const { texts, found } = details(entry.at);
    const named = (pairs) => pairs.map(([name, calls]) => `${texts[name]} (${grouped(calls)})`).join(", ");
    const facts = element("dl", { className: "facts" });
    const fact = (name, value) => { if (value) facts.append(element("dt", { textContent: name }), element("dd", { textContent: value })); };
    fact("Evidence", `${why[entry.doubt] ?? entry.doubt}: ${evidence(entry, found)}`);
    fact("Parameters", found.parameters.map(([name, kind]) => `${texts[name]}: ${texts[kind]}`).join(", "));
    fact("Answers", named(found.statuses));
    if (found.latency) fact("Time to first byte", `half within ${duration(found.latency[0])}, 95 of 100 within ${duration(found.latency[1])} (exact to a factor of two)`);
    fact("Request bodies", found.bytes[0] || found.request_types.length ? [size(found.bytes[0]), named(found.request_types)].filter(Boolean).join("; ") : "");
    fact("Response bodies", found.bytes[1] || found.response_types.length ? [size(found.bytes[1]), named(found.response_types)].filter(Boolean).join("; ") : "");
    fact("Answered by", named(found.servers));
    fact("Remarkable calls", named(found.signs ?? []));
    fact("Seen", `${minute(texts[found.first])} to ${minute(entry.last)} UTC`);
    const cell = element("td", { colSpan: 9 }, facts);
    if (found.fields.length) {
      cell.append(element("h3", { textContent: "Fields" }), table(
        ["Place", "Field", "Types", "Formats", "Classes", "#Seen in calls", "Required"],
        found.fields.map(([place, name, types, formats, classes, calls, of, required]) =>
          [texts[place], code(texts[name]), texts[types], texts[formats], texts[classes], `${grouped(calls)} of ${grouped(of)}`, required ? "yes" : ""])));
    }
    if (found.fields_cut) cell.append(element("p", { className: "cut", textContent: `${grouped(found.fields_cut)} more fields are not in this file.` }));
    if (found.callers.length) {
      cell.append(element("h3", { textContent: "Callers" }), table(
        ["Caller", "Credential", "#Calls", "#Refused", "Last seen"],
        found.callers.map(([who, credential, calls, refused, last]) => [texts[who], texts[credential], calls, refused, minute(texts[last])])));
    }
    if (found.callers_cut) cell.append(element("p", { className: "cut", textContent: `${grouped(found.callers_cut)} more callers are not in this file.` }));
    return element("tr", { className: "detail" }, cell);
  };
  const toggle = (entry, open = !entry.detail) => {
    one(".open", entry.row).setAttribute("aria-expanded", open);
    if (open === Boolean(entry.detail)) return;
    if (open) {
      entry.detail = build(entry);
      entry.detail.hidden = entry.row.hidden;
      entry.row.after(entry.detail);
    } else {
      entry.detail.remove();
      entry.detail = null;
    }
  };

  // --- all together -------------------------------------------------------------------------------
  const apply = () => {
    arrange();
    const wanted = tests();
    const shownIn = new Set();
    let shown = 0;
    for (const entry of entries) {
      const isShown = wanted.every((test) => test(entry));
      entry.row.hidden = !isShown;
      if (entry.detail) entry.detail.hidden = !isShown;
      if (isShown) {
        shown++;
        shownIn.add(state.flat === "1" ? bodies[0] : entry.body);
      }
    }
    for (const body of bodies) body.hidden = !shownIn.has(body);
    one("#none").hidden = shown > 0;
    one("#count").textContent = shown === entries.length
      ? `${grouped(shown)} ${shown === 1 ? "endpoint" : "endpoints"}` : `${grouped(shown)} of ${grouped(entries.length)} endpoints`;
    for (const control of form.elements) {
      if (!control.name) continue;
      if (control.type === "checkbox") control.checked = state[control.name] === "1";
      else if (document.activeElement !== control) {
        const value = state[control.name] || "";
        // Callers past the length of the list can still be chosen in the picture.
        if (value && control.options && ![...control.options].some((option) => option.value === value)) control.add(new Option(value, value));
        control.value = value;
      }
    }
    write();
  };
  const fill = (name, texts) => {
    const counts = new Map();
    for (const each of texts) counts.set(each, (counts.get(each) || 0) + 1);
    const sorted = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 500).map(([each]) => each).sort();
    for (const each of sorted) form.elements[name].add(new Option(each, each));
  };
  fill("service", entries.map((entry) => entry.service));
  fill("method", entries.map((entry) => entry.method));
  fill("caller", entries.flatMap((entry) => entry.who));
  fill("auth", entries.flatMap((entry) => entry.auth));
  for (const head of all("thead th[data-sort]", list)) {
    const name = head.dataset.sort;
    const button = element("button", { type: "button", textContent: head.textContent });
    button.addEventListener("click", () => {
      if (state.sort === name) state.desc = (state.desc ? state.desc === "1" : falls.has(name)) ? "0" : "1";
      else { state.sort = name; delete state.desc; }
      apply();
    });
    head.replaceChildren(button);
  }
  for (const entry of entries) {
    const head = entry.row.firstElementChild;
    const button = element("button", { type: "button", className: "open" }, ...head.childNodes);
    button.setAttribute("aria-expanded", "false");
    head.append(button);
  }
  const entryOf = new Map(entries.map((entry) => [entry.row, entry]));
  list.addEventListener("click", (event) => {
    const row = event.target.closest("tr.e");
    if (row && !String(getSelection())) toggle(entryOf.get(row));
  });
  let waiting = 0;
  form.addEventListener("input", (event) => {
    const { name, type, checked, value } = event.target;
    state[name] = type === "checkbox" ? (checked ? "1" : "") : value;
    clearTimeout(waiting);
    waiting = setTimeout(apply, entries.length > 1000 ? 120 : 0);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => { event.preventDefault(); clear(); form.elements.q.value = ""; apply(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(input|select|textarea)$/i.test(event.target.tagName)) { event.preventDefault(); form.elements.q.focus(); }
  });
  addEventListener("hashchange", () => { if (location.hash.includes("=")) { read(); apply(); } });
  addEventListener("beforeprint", () => all("details").forEach((each) => { each.open = true; }));
  form.hidden = false;
  read();
  apply();
  const opened = entries[Number(state.open ?? "none")];
  if (opened) toggle(opened, true);
})();
