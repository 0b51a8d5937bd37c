"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const methods = ["get", "post", "put", "patch", "delete"];

  // el makes an element; text is always text, never markup: documents come from other services.
  const el = (name, cls, text, ...children) => {
    const e = document.createElement(name);
    if (cls) e.className = cls;
    if (text) e.textContent = text;
    e.append(...children.filter(Boolean));
    return e;
  };

  const resolve = (doc, o) => {
    for (let i = 0; o && o.$ref && i < 8; i++) o = o.$ref.split("/").slice(1).reduce((v, k) => (v ? v[k.replaceAll("~1", "/")] : undefined), doc);
    return o || {};
  };

  const typeOf = (schema) => (Array.isArray(schema.type) ? schema.type.find((t) => t !== "null") : schema.type) || (schema.properties ? "object" : schema.enum ? "string" : "any");

  // kind says in one line what a value may be.
  const kind = (doc, schema) => {
    const s = resolve(doc, schema), type = typeOf(s), says = [];
    if (type === "array") return `list of ${kind(doc, s.items || {})}${s.maxItems ? `, at most ${s.maxItems}` : ""}`;
    if (s.enum) says.push(s.enum.join(" | "));
    else says.push(s.format && !/^(int|double|float)/.test(s.format) ? `${type}, ${s.format}` : type);
    if (s.minimum !== undefined || s.maximum !== undefined) says.push(`${s.minimum ?? ""}…${s.maximum ?? ""}`);
    if (s.minLength > 0) says.push(`${s.minLength}…${s.maxLength ?? ""} characters`);
    else if (s.maxLength !== undefined) says.push(`up to ${s.maxLength} characters`);
    if (s.pattern) says.push(`like ${s.pattern}`);
    if (s.default !== undefined) says.push(`default ${JSON.stringify(s.default)}`);
    return says.join(", ");
  };

  // fields lists what an object holds, with what lies inside of it.
  const fields = (doc, schema, prefix = "", depth = 0, rows = []) => {
    const s = resolve(doc, schema);
    if (typeOf(s) === "array") return fields(doc, s.items || {}, `${prefix}[]`, depth, rows);
    for (const [name, value] of Object.entries(s.properties || {})) {
      if (name === "$schema") continue;
      const v = resolve(doc, value), path = prefix ? `${prefix}.${name}` : name;
      rows.push({ name: path, must: (s.required || []).includes(name), kind: kind(doc, v), text: value.description || v.description || "", examples: v.examples });
      if (depth < 3) fields(doc, v, path, depth + 1, rows);
    }
    return rows;
  };

  const table = (rows, first, sent = true) => rows.length ? el("table", "", "",
    el("thead", "", "", el("tr", "", "", el("th", "", first), el("th", "", "Type"), el("th", "", "Meaning"))),
    el("tbody", "", "", ...rows.map((r) => el("tr", "", "",
      el("td", "", "", el("span", "path", r.name), sent && r.must ? el("span", "must", " required") : null, !sent && !r.must ? el("span", "mute", " optional") : null, r.in ? el("span", "mute", ` ${r.in}`) : null),
      el("td", "mute", r.kind),
      el("td", "", r.text, r.examples && r.examples.length ? el("div", "mute path", `e.g. ${r.examples.map((x) => (typeof x === "string" ? x : JSON.stringify(x))).join("   ")}`) : null))))) : null;

  // example is a value that a schema admits, as far as one can tell.
  const example = (doc, schema, name = "", depth = 0) => {
    const s = resolve(doc, schema), type = typeOf(s);
    if (s.examples && s.examples.length) return s.examples[0];
    if (s.const !== undefined) return s.const;
    if (s.default !== undefined) return s.default;
    if (s.enum) return s.enum[0];
    if (depth > 4) return {};
    if (type === "object") {
      const out = {};
      for (const [k, v] of Object.entries(s.properties || {})) {
        const p = resolve(doc, v);
        if (k !== "$schema" && (!(s.required || []).length || s.required.includes(k) || p.examples)) out[k] = example(doc, v, k, depth + 1);
      }
      return out;
    }
    if (type === "array") return [example(doc, s.items || {}, name, depth + 1)];
    if (type === "integer" || type === "number") return s.minimum ?? 0;
    if (type === "boolean") return true;
    if (type === "any") return {};
    if (s.format === "date-time") return "2026-01-31T08:00:00Z";
    return name || "text";
  };

  const json = (content) => Object.values(content || {}).find((m) => m.schema);
  const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

  // curl is a call that works once the words in capitals are replaced.
  const curl = (doc, path, method, op, params) => {
    const query = params.filter((p) => p.in === "query" && p.required).map((p) => `${p.name}=${encodeURIComponent(example(doc, p.schema || {}, p.name))}`);
    const url = location.origin + path.replaceAll(/\{([^}]+)\}/g, (_, n) => n.toUpperCase()) + (query.length ? `?${query.join("&")}` : "");
    const streams = Object.values(op.responses || {}).some((a) => (resolve(doc, a).content || {})["text/event-stream"]);
    const parts = [method === "get" ? `curl${streams ? " -N" : ""}` : `curl -X ${method.toUpperCase()}`];
    if (op["x-signalbox-access"] !== "public") parts.push('-H "Authorization: Bearer $TOKEN"');
    for (const p of params) if (p.in === "header" && p.required) parts.push(`-H ${shell(`${p.name}: ${example(doc, p.schema || {}, p.name)}`)}`);
    const body = op.requestBody && json(resolve(doc, op.requestBody).content);
    if (body) parts.push("-H 'Content-Type: application/json'");
    parts.push(shell(url));
    if (body) parts.push(`-d ${shell(JSON.stringify(example(doc, body.schema), null, 1).replaceAll(/\n\s*/g, " "))}`);
    const [command, first, ...rest] = parts;
    return [`${command} ${first}`, ...rest].join(" \\\n  ");
  };

  const copyable = (text) => {
    const pre = el("pre", "", text), button = el("button", "", "Copy");
    button.type = "button";
    button.addEventListener("click", () => navigator.clipboard.writeText(text).then(() => { button.textContent = "Copied"; }, () => { button.textContent = "Select it"; }));
    pre.append(button);
    return pre;
  };

  const who = (op) => {
    const rule = op["x-signalbox-access"] || "";
    return rule === "signed-in" ? "signed in" : rule.replace(/^role:/, "");
  };

  const mayCall = (op) => ({ "public": "Everybody, with or without a token.", "signed in": "Everybody with a token; what the operation asks for besides stands in its summary.", "admin": "Who has the role admin." })[who(op)] || `Who has the role ${who(op)}, or one that includes it.`;

  const answers = (doc, op) => Object.entries(op.responses || {}).flatMap(([status, r]) => {
    const answer = resolve(doc, r), media = json(answer.content), headers = Object.keys(answer.headers || {});
    if (status === "default") return [];
    return [el("h3", "", `Answer ${status} ${answer.description || ""}`),
      headers.length ? el("p", "mute", `With ${headers.join(", ")}.`) : null,
      (media && table(fields(doc, media.schema), "Field", false)) || el("p", "mute", media ? Object.keys(answer.content).join(", ") : "No body.")];
  });

  const detail = (doc, path, method, op) => {
    const params = (op.parameters || []).map((p) => resolve(doc, p));
    const rows = params.map((p) => ({ name: p.name, in: p.in, must: p.required, kind: kind(doc, p.schema || {}), text: p.description || "", examples: resolve(doc, p.schema).examples }));
    const body = op.requestBody && json(resolve(doc, op.requestBody).content);
    return el("div", "", "",
      op.description ? el("p", "", op.description) : null,
      el("h3", "", "Who may call"), el("p", "", mayCall(op)),
      rows.length ? el("h3", "", "Parameters") : null, table(rows, "Parameter"),
      body ? el("h3", "", "Body") : null, body ? table(fields(doc, body.schema), "Field") || el("p", "mute", kind(doc, body.schema)) : null,
      el("h3", "", "Try it"), copyable(curl(doc, path, method, op, params)),
      ...answers(doc, op));
  };

  const entry = (doc, path, method, op) => {
    const d = el("details", "", "", el("summary", "", "",
      el("span", `method ${method}`, method.toUpperCase()), el("span", "path", path), el("span", "mute", op.summary || ""), el("span", "who", who(op))));
    d.id = op.operationId || `${method} ${path}`;
    d.dataset.words = [path, method, op.summary, op.operationId, who(op), ...(op.tags || [])].join(" ").toLowerCase();
    d.addEventListener("toggle", () => { if (d.open && d.children.length === 1) d.append(detail(doc, path, method, op)); });
    return d;
  };

  const link = (path, method, id) => {
    const a = el("a", "", "", el("span", `method ${method}`, method.toUpperCase()), el("span", "", path.replace(/^\/api\/[^/]+\/v\d+/, "") || "/"));
    a.href = `#${id}`;
    return a;
  };

  const show = (doc) => {
    const sections = new Map(), nav = new Map();
    for (const path of Object.keys(doc.paths).sort()) {
      for (const method of methods) {
        const op = doc.paths[path][method];
        if (!op) continue;
        const service = (op.tags || ["other"])[0];
        if (!sections.has(service)) {
          sections.set(service, el("section", "", "", el("h2", "", service)));
          nav.set(service, el("div", "", "", el("strong", "", service)));
        }
        const d = entry(doc, path, method, op);
        sections.get(service).append(d);
        nav.get(service).append(link(path, method, d.id));
      }
    }
    $("list").replaceChildren(...sections.values());
    $("nav").replaceChildren(...nav.values());
    $("version").textContent = (doc.info && doc.info.version) || "";
    const missing = doc["x-signalbox-missing"] || [];
    $("state").textContent = missing.length ? `Not answering just now, and so not listed: ${missing.join(", ")}` : "";
    visit();
  };

  // visit opens the operation that the address names.
  const visit = () => {
    const id = decodeURIComponent(location.hash.slice(1)), d = id && document.getElementById(id);
    for (const a of $("nav").querySelectorAll("a")) a.toggleAttribute("aria-current", a.hash === location.hash && id !== "");
    if (!d || d.tagName !== "DETAILS") return;
    d.open = true;
    d.scrollIntoView();
  };

  const search = () => {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    let some = false;
    for (const section of $("list").children) {
      let any = false;
      for (const d of section.querySelectorAll("details")) {
        d.hidden = !words.every((w) => d.dataset.words.includes(w));
        const a = $("nav").querySelector(`a[href="#${CSS.escape(d.id)}"]`);
        if (a) a.hidden = d.hidden;
        any = any || !d.hidden;
      }
      section.hidden = !any;
      some = some || any;
    }
    for (const group of $("nav").children) group.hidden = !group.querySelector("a:not([hidden])");
    $("none").hidden = some;
  };

  const theme = (value) => { document.documentElement.dataset.theme = value; localStorage.setItem("theme", value); };
  $("theme").addEventListener("click", () => {
    const now = document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    theme(now === "dark" ? "light" : "dark");
  });
  if (localStorage.getItem("theme")) theme(localStorage.getItem("theme"));
  $("search").addEventListener("input", search);
  addEventListener("hashchange", visit);
  addEventListener("keydown", (e) => {
    if (e.key === "/" && document.activeElement !== $("search")) { e.preventDefault(); $("search").focus(); }
  });
  $("try").append(copyable(`TOKEN=$(cat .signalbox/token)\ncurl -H "Authorization: Bearer $TOKEN" ${location.origin}/api/catalogs/v1/types`).childNodes[0]);

  fetch("/openapi.json").then((r) => { if (!r.ok) throw new Error(`${r.status}`); return r.json(); }).then(show)
    .catch((e) => { $("state").textContent = `The document could not be loaded (${e.message}).`; });
})();
