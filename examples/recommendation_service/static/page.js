// The page shows what its URL says: /?item=7, /?feature=tag=ship, /?search=ship, or the start page.
// All text goes into the page as text (textContent, attributes), never as HTML, so titles cannot contain scripts.

import { startSearchBox } from "./search.js";
import { ask, element, itemUrl, link, pictureUrl, readable, reason } from "./parts.js";

const content = document.getElementById("content");
const N_ITEMS = 24;

function cards(items, details = () => []) {
  const rows = items.map(({ item, title, score }) => element("li", {}, [
    link(itemUrl(item), [element("img", { src: pictureUrl(item), alt: "", loading: "lazy" }), element("b", {}, [title])]),
    ...(score === null ? [] : [element("small", {}, [`similarity ${score.toFixed(2)}`])]),
    ...details(item, title),
  ]));
  return element("ul", { class: "cards" }, rows);
}

function tags(features) {
  const url = (feature) => `/?${new URLSearchParams({ feature })}`;
  return element("ul", { class: "tags" }, features.map((name) => element("li", {}, [link(url(name), [readable(name)])])));
}

// The reasons are loaded when they are opened for the first time.
function why(item, other, otherTitle) {
  const summary = element("summary", { "aria-label": `Why is ${otherTitle} similar?` }, ["Why?"]);
  const reasons = element("div", {});
  const details = element("details", {}, [summary, reasons]);
  details.addEventListener("toggle", async () => {
    try {
      reasons.replaceChildren(...(await explanation(item, other)));
    } catch (error) {
      reasons.replaceChildren(element("p", {}, [error.message]));
    }
  }, { once: true });
  return [details];
}

async function explanation(item, other) {
  const [common, explained] = await Promise.all([
    ask("/api/common", { item, other }),
    ask("/api/explain", {}, { history: [item], item: other, by: "features" }),
  ]);
  const parts = explained.contributions.filter((row) => row.contribution !== null).flatMap((row) => [
    element("dt", {}, [reason(row)]),
    element("dd", {}, [row.contribution.toFixed(3)]),
  ]);
  const shared = common.features.map(readable).join(", ") || "none";
  return [
    element("p", {}, [`Users of both: ${common.n_users}`]),
    element("p", {}, [`Shared tags: ${shared}`]),
    element("p", {}, ["Parts of the score for a visitor who only likes the first item:"]),
    element("dl", {}, parts),
  ];
}

async function showItem(item) {
  const [details, similar] = await Promise.all([
    ask("/api/item", { item }),
    ask("/api/similar", { item, k: N_ITEMS }),
  ]);
  const users = details.n_users === 1 ? "1 user" : `${details.n_users} users`;
  return [details.title, [
    element("article", { class: "item" }, [
      element("img", { src: pictureUrl(item), alt: `Picture of ${details.title}` }),
      element("div", {}, [element("h1", {}, [details.title]), element("p", {}, [users]), tags(details.features)]),
    ]),
    element("h2", {}, ["Similar items"]),
    cards(similar.items, (other, title) => why(details.item, other, title)),
  ]];
}

async function showFeature(name) {
  const { items } = await ask("/api/feature", { name, k: N_ITEMS });
  const title = `Items for “${readable(name)}”`;
  return [title, [
    element("h1", {}, [title]),
    element("p", {}, ["Sorted by the similarity of their embeddings. An item need not have the tag."]),
    cards(items),
  ]];
}

async function showSearch(text) {
  const { items } = await ask("/api/search", { text, k: N_ITEMS });
  const title = items.length ? `Items called “${text}”` : `No item is called “${text}”`;
  return [title, [element("h1", {}, [title]), cards(items)]];
}

async function showStart() {
  const [features, popular] = await Promise.all([ask("/api/features", { k: 40 }), ask("/api/search", { k: N_ITEMS })]);
  const tagSection = [element("h2", {}, ["Tags"]), tags(features.map((row) => row.feature))];
  return ["Popular items", [
    element("h1", {}, ["Look around"]),
    element("p", {}, ["Search for an item, or choose one. Similar items are those that the same users like."]),
    ...(features.length ? tagSection : []),
    element("h2", {}, ["Popular items"]),
    cards(popular.items),
  ]];
}

function read(parameters) {
  if (parameters.has("item")) return showItem(parameters.get("item"));
  if (parameters.has("feature")) return showFeature(parameters.get("feature"));
  if (parameters.has("search")) return showSearch(parameters.get("search"));
  return showStart();
}

// Clicks may be faster than answers: only the answer to the latest one is shown.
let latest = 0;

async function show() {
  const number = ++latest;
  let title, parts;
  try {
    [title, parts] = await read(new URLSearchParams(location.search));
  } catch (error) {
    [title, parts] = ["Error", [element("p", { class: "error", role: "alert" }, [error.message])]];
  }
  if (number !== latest) return false;
  document.title = `${title} – Rec-a-sketch`;
  content.replaceChildren(...parts);
  return true;
}

async function go(url) {
  history.pushState(null, "", url);
  if (await show()) {
    scrollTo(0, 0);
    content.focus({ preventScroll: true });
  }
}

// Links to this page are followed without loading it again. Ctrl+click and the like open a tab as usual.
document.addEventListener("click", (event) => {
  const target = event.target.closest("a[href^='/']");
  if (!target || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(target.getAttribute("href"));
});
addEventListener("popstate", show);
startSearchBox(go);
show();
