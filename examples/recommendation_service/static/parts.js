// Requests to the service, and elements of the page.

// Send a GET request with parameters, or a POST request with a body. Returns the answer, or throws an Error.
export async function ask(path, parameters, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(`${path}?${new URLSearchParams(parameters)}`, options);
  } catch {
    throw new Error("The service cannot be reached. Try again later.");
  }
  if (response.ok) return response.json();
  const { detail } = await response.json().catch(() => ({}));
  throw new Error(detail ?? `The service answered with status ${response.status}.`);
}

// Create an element. Children are elements or strings, and strings are shown literally.
export function element(name, attributes, children = []) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const SOURCES = {
  item: "the item itself",
  bias: "the bias of the item",
  "mean item": "the mean item",
  "mean user": "the mean user",
  remainder: "the remainder",
};

// Name a row of an explanation. The remainder has no name.
export function reason({ source, name, title }) {
  return SOURCES[source] ?? title ?? readable(name);
}

export function readable(feature) {
  return feature.startsWith("tag=") ? feature.slice(4) : feature;
}

export function link(url, children) {
  return element("a", { href: url }, children);
}

export function itemUrl(item) {
  return `/?${new URLSearchParams({ item })}`;
}

export function pictureUrl(item) {
  return `/picture?${new URLSearchParams({ item })}`;
}
