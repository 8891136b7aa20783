// Elements. Text from prompts, rows and models is inserted as text, not as markup.

function el(tag, settings = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(settings)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

function svg(tag, settings, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(settings)) element.setAttribute(name, value);
  if (text != null) element.textContent = text;
  return element;
}

// A name that may be broken after its marks, as in few_|shot
const breakable = (name) => el("span", {}, ...name.split(/(?<=[_/:.-])(?=.)/).flatMap((text, at) =>
  at ? [el("wbr"), text] : [text]));

const part = (id) => document.getElementById(id);

// Replace a part of the page; the control that has the focus keeps it.
function replace(id, ...children) {
  const focusable = "button, input, select, [tabindex]", place = part(id);
  const focused = [...place.querySelectorAll(focusable)].indexOf(document.activeElement);
  place.replaceChildren(...children.filter((child) => child != null));
  if (focused >= 0) place.querySelectorAll(focusable)[focused]?.focus();
}

const scrolled = (label, table) => el("div",
  { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, table);
