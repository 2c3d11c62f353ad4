import { styleText } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { printable, printableJson } from "../../src/core/printable.ts";
import { onOneLine } from "../../src/errors.ts";

/** Characters that drive a terminal, or turn the text around them. */
const HOSTILE = "\u001b]0;title\u0007 \u009b2J \r\u001b[1A \u202e \u007f \u200b \u{e0001}";
const anyText = fc.string({ unit: "binary" });

describe("what is shown on a terminal", () => {
  test("has no character that drives one, whoever said it", () => {
    expect(printable(HOSTILE)).toBe(
      "\\u001b]0;title\\u0007 \\u009b2J \\u000d\\u001b[1A \\u202e \\u007f \\u200b \\udb40\\udc01",
    );
    fc.assert(fc.property(anyText, (text) => !/[\p{Cc}\p{Cf}]/u.test(printable(text).replaceAll("\n", ""))));
    fc.assert(fc.property(anyText, (text) => !/[\p{Cc}\p{Cf}\n]/u.test(onOneLine(text))));
  });

  test("keeps its own colours and ends of lines", () => {
    const styles = ["red", "green", "yellow", "cyan", "bold", "dim"] as const;
    const line = styles.map((style) => styleText(style, style, { validateStream: false })).join("\n");
    expect(line).toContain("\u001b[");
    expect(printable(line)).toBe(line);
  });

  test("is the same document as JSON", () => {
    expect(JSON.parse(printableJson({ [HOSTILE]: HOSTILE }, 2))).toEqual({ [HOSTILE]: HOSTILE });
    expect(printableJson({ text: HOSTILE }, 2)).not.toMatch(/[\u007f-\u009f\u200b\u202e]/);
    fc.assert(
      fc.property(anyText, (text) => {
        const written = printableJson({ text });
        expect(written).not.toMatch(/[\p{Cc}\p{Cf}]/u);
        expect(JSON.parse(written)).toEqual({ text });
      }),
    );
  });
});
