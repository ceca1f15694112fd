// One line to make an element, or a shape of a drawing; and names from elsewhere as people may see them.

const LONGEST = 200;

/** An element with properties (className, onclick) and attributes (aria-label). */
export const element = (name, properties = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
};

export const shape = (name, attributes = {}, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

/** A name in which nothing turns the direction of writing or is of no width, and that is not as long as a page. */
export const printable = (name) => {
  const kept = name.length > LONGEST ? `${name.slice(0, LONGEST)}…` : name;
  return kept.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0).toString(16)}}`);
};
