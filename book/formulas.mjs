// mdBook preprocessor: \\( … \\) and \\[ … \\] become HTML by KaTeX, before Markdown sees them.
// A formula that KaTeX does not understand stops the build.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const katex = require(process.env.KATEX ?? "katex");

if (process.argv[2] === "supports") process.exit(0);

const [, book] = JSON.parse(readFileSync(0, "utf8"));
let failures = 0;

// Markdown must not find its own signs in the result.
const entities = { "_": "&#95;", "*": "&#42;", "`": "&#96;", "\\": "&#92;", "[": "&#91;",
  "]": "&#93;", "|": "&#124;", "~": "&#126;" };
const shield = (html) => html.replace(/[_*`\\[\]|~]/g, (c) => entities[c]);

function formula(tex, displayMode, where) {
  try {
    // Roots are drawn by paths with line breaks, which would end the HTML for Markdown.
    const options = { displayMode, output: "html", strict: "error" };
    const html = katex.renderToString(tex, options).replace(/\s*\n\s*/g, " ");
    const spoken = tex.replace(/\s+/g, " ").trim().replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
    return shield(`<span role="math" aria-label="${spoken}">${html}</span>`);
  } catch (error) {
    console.error(`${where}: ${error.message}\n  in: ${tex.trim()}`);
    failures += 1;
    return "";
  }
}

// Code stays as it is: fences first, then spans; formulas in between.
const pieces =
  /(^ {0,3}(`{3,}|~{3,})[\s\S]*?^ {0,3}\2`*~*[ \t]*$)|(`+)[\s\S]*?[^`]\3(?!`)|\\\\\(([\s\S]+?)\\\\\)([,.;:!?)]*)|\\\\\[([\s\S]+?)\\\\\]/gm;

function render(text, where) {
  return text.replace(pieces, (all, fence, _fence, span, inline, after, display) => {
    if (fence !== undefined || span !== undefined) return all;
    if (inline !== undefined) {
      // A comma must not begin a line; a long formula must be free to break.
      const html = formula(inline, false, where);
      return after && inline.length < 40 ? `<span class="together">${html}${after}</span>` : html + after;
    }
    // A blank line inside would end the paragraph.
    return formula(display.replace(/\n\s*\n/g, "\n"), true, where);
  });
}

function walk(items) {
  for (const item of items ?? []) {
    if (!item.Chapter) continue;
    const chapter = item.Chapter;
    chapter.content = render(chapter.content, chapter.path ?? chapter.name);
    walk(chapter.sub_items);
  }
}

walk(book.items ?? book.sections);
if (failures > 0) {
  console.error(`${failures} formula(s) could not be rendered`);
  process.exit(1);
}
process.stdout.write(JSON.stringify(book));
