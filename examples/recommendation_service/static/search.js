// The search box: a combobox with a list of suggestions, as the ARIA authoring practices describe it.

import { ask, element, itemUrl, pictureUrl } from "./parts.js";

const form = document.getElementById("search");
const box = document.getElementById("text");
const list = document.getElementById("suggestions");
const PAUSE = 120; // milliseconds without a key before the service is asked

let chosen = -1; // number of the highlighted suggestion, or -1
let timer, asked = 0;

function options() {
  return [...list.querySelectorAll("[data-url]")];
}

function close() {
  clearTimeout(timer);
  asked++; // an answer that is still on its way is ignored
  list.hidden = true;
  list.replaceChildren();
  choose(-1);
  box.setAttribute("aria-expanded", "false");
}

function choose(number) {
  chosen = number;
  options().forEach((option, n) => option.setAttribute("aria-selected", n === number));
  if (number < 0) {
    box.removeAttribute("aria-activedescendant");
  } else {
    box.setAttribute("aria-activedescendant", options()[number].id);
    options()[number].scrollIntoView({ block: "nearest" });
  }
}

async function suggest() {
  const text = box.value.trim();
  if (!text) return close();
  const number = ++asked;
  let items;
  try {
    ({ items } = await ask("/api/search", { text, k: 8 }));
  } catch {
    return close();
  }
  if (number !== asked) return; // more was typed meanwhile
  const nothing = element("li", { class: "none", role: "option", "aria-disabled": "true" }, ["No item found"]);
  list.replaceChildren(...(items.length ? items.map(suggestion) : [nothing]));
  list.hidden = false;
  box.setAttribute("aria-expanded", "true");
  choose(-1);
}

function suggestion({ item, title }, n) {
  const picture = element("img", { src: pictureUrl(item), alt: "" });
  const attributes = { id: `suggestion-${n}`, role: "option", "aria-selected": "false", "data-url": itemUrl(item) };
  return element("li", attributes, [picture, element("span", {}, [title])]);
}

// `go` opens a URL of the page.
export function startSearchBox(go) {
  function open(url) {
    close();
    box.value = "";
    go(url);
  }

  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(suggest, PAUSE);
  });
  box.addEventListener("keydown", (event) => {
    const n = options().length;
    if (event.key === "ArrowDown" && n) choose((chosen + 1) % n);
    else if (event.key === "ArrowUp" && n) choose(chosen > 0 ? chosen - 1 : n - 1);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  box.addEventListener("blur", close);
  list.addEventListener("mousedown", (event) => event.preventDefault()); // keeps the focus in the box
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[data-url]");
    if (option) open(option.dataset.url);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = box.value.trim();
    if (chosen >= 0) open(options()[chosen].dataset.url);
    else if (text) open(`/?${new URLSearchParams({ search: text })}`);
  });
}
