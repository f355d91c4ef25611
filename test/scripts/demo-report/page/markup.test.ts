// Nothing that data holds becomes markup.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { escapeText, html, Markup } from "../../../../scripts/demo-report/page/markup.js";

test("values are escaped, markup is not, nothing prints as nothing", () => {
  assert.is(
    html`<b title="${'"><script>'}">${"a & b's"}</b>`.text,
    '<b title="&quot;&gt;&lt;script&gt;">a &amp; b&#39;s</b>',
  );
  assert.is(html`<p>${html`<i>${"<"}</i>`}${[html`<u>1</u>`, "2", 3]}</p>`.text, "<p><i>&lt;</i><u>1</u>23</p>");
  assert.is(html`${undefined}${null}${false}${0}${""}`.text, "0");
  assert.is(html`${1 / 3} ${Number.NaN} ${Number.POSITIVE_INFINITY}`.text, "0.333 0 0");
});

test("characters that turn the direction of writing, control characters and half characters are made visible", () => {
  assert.is(escapeText("bob\u202egnp.exe"), "bob\ufffdgnp.exe");
  assert.is(escapeText("a\u0000b\u200bc\u2066d"), "a\ufffdb\ufffdc\ufffdd");
  assert.is(escapeText("x\ud800y\udc00z"), "x\ufffdy\ufffdz");
  assert.is(escapeText("grüße 😀\n"), "grüße 😀\n");
});

test("no text can open a tag, close an attribute or begin an entity", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const escaped = escapeText(text);
      assert.not.match(escaped, /[<>"']/);
      assert.not.match(escaped, /&(?!(?:amp|lt|gt|quot|#39);)/);
      assert.ok(new Markup(escaped).text === escaped);
    }),
  );
});

test.run();
