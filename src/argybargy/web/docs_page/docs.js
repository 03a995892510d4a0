// Render /openapi.json as a page. Texts become text nodes, never markup.

const element = (name, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
};

const typeOf = (schema, components) => {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf) {
    return schema.anyOf.map((part) => typeOf(part, components)).join(" | ");
  }
  if (schema.type === "array") return `list of ${typeOf(schema.items, components)}`;
  if (schema.type === "object" && schema.additionalProperties) {
    return `map of ${typeOf(schema.additionalProperties, components)}`;
  }
  return schema.type ?? "anything";
};

const resolve = (schema, components) => {
  const name = schema?.$ref?.split("/").pop();
  return name ? components[name] : schema;
};

const fieldTable = (fields) =>
  element("table", {}, element("thead", {}, element("tr", {},
    element("th", { textContent: "field", scope: "col" }),
    element("th", { textContent: "type", scope: "col" }),
    element("th", { textContent: "default", scope: "col" }))),
  element("tbody", {}, ...fields.map(([name, type, preset]) => element("tr", {},
    element("td", {}, element("code", { textContent: name })),
    element("td", {}, element("code", { textContent: type })),
    element("td", { textContent: preset })))));

const bodyTable = (schema, components) => {
  const whole = resolve(schema, components) ?? {};
  const required = new Set(whole.required ?? []);
  return fieldTable(Object.entries(whole.properties ?? {}).map(([name, field]) => [
    name,
    typeOf(field, components),
    required.has(name) ? "required" : JSON.stringify(field.default ?? null),
  ]));
};

const section = (title, ...content) =>
  [element("h3", { textContent: title }), ...content];

const jsonSchema = (content) => content?.["application/json"]?.schema;

const operationDetails = (path, method, operation, components) => {
  const details = element("div");
  const parameters = (operation.parameters ?? []).map((each) => [
    `${each.name} (${each.in})`,
    typeOf(each.schema, components),
    each.required ? "required" : JSON.stringify(each.schema?.default ?? null),
  ]);
  if (parameters.length) details.append(...section("Parameters", fieldTable(parameters)));
  const body = jsonSchema(operation.requestBody?.content);
  if (body) details.append(...section("Body", bodyTable(body, components)));
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    const schema = jsonSchema(response.content);
    if (status === "200" && schema) {
      details.append(...section("Response 200", bodyTable(schema, components)));
    }
  }
  const errors = Object.keys(operation.responses ?? {}).filter((each) => each >= "400");
  if (errors.length) {
    details.append(...section("Errors", element("p", { textContent: errors.join(", ") })));
  }
  return element("details", { id: `${method}-${path}` },
    element("summary", {},
      element("code", { className: "method", textContent: method.toUpperCase() }),
      element("code", { textContent: path }),
      element("p", { textContent: operation.summary ?? operation.description ?? "" })),
    details);
};

const draw = (api) => {
  document.querySelector("#about").textContent =
    `${api.info.description ?? ""} Version ${api.info.version}.`;
  const groups = new Map();
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const group = operation.tags?.[0] ?? "other";
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push([path, method, operation]);
    }
  }
  const links = element("ul");
  const main = document.querySelector("#endpoints");
  const components = api.components?.schemas ?? {};
  for (const [group, operations] of groups) {
    main.append(element("h2", { textContent: `For ${group}` }));
    for (const [path, method, operation] of operations) {
      const shown = operationDetails(path, method, operation, components);
      main.append(shown);
      const link = element("a", { href: `#${shown.id}` },
        element("code", { textContent: `${method.toUpperCase()} ${path}` }));
      link.addEventListener("click", () => { shown.open = true; });
      links.append(element("li", {}, link));
    }
  }
  document.querySelector("#index").append(links);
};

const response = await fetch("/openapi.json");
if (response.ok) {
  draw(await response.json());
} else {
  document.querySelector("#about").textContent =
    `Reading /openapi.json failed with status ${response.status}.`;
}
