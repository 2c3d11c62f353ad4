import path from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

/** The web page: static files below one folder, whose names but one are made of their content. */
export default defineConfig({
  root: path.join(import.meta.dirname, "src", "console"),
  base: "/",
  logLevel: "warn",
  plugins: [
    svelte({
      configFile: false,
      compilerOptions: {
        runes: true,
        discloseVersion: false,
        // Half as long as usual: the page is shipped within the program.
        cssHash: ({ hash, css }) => `s${hash(css).slice(0, 4)}`,
      },
    }),
  ],
  // Ten kilobytes less: the page looks at the shape, the server at the slots (src/console/policies/cronShape.ts).
  resolve: { alias: { croner: path.join(import.meta.dirname, "src/console/policies/cronShape.ts") } },
  build: {
    outDir: path.join(import.meta.dirname, "dist", "console"),
    emptyOutDir: true,
    target: "es2023",
    // The content security policy takes no data: addresses and no inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1_000,
    // One file is a sixth smaller than a file a screen, and a console is near its server.
    rolldownOptions: { output: { codeSplitting: false } },
  },
});
