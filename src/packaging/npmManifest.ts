/** Fields of a package's own description that stay as the project has them. */
const KEPT = ["name", "version", "description", "license", "type", "engines"] as const;

/**
 * The package.json of the npm package. Everything that the program runs by is within its own files, so it depends on nothing,
 * the runtime neither: that is whoever's who installs it.
 */
export function npmManifest(project: Record<string, unknown>): Record<string, unknown> {
  return {
    ...Object.fromEntries(KEPT.map((field) => [field, project[field]])),
    bin: { nearsource: "./main.cjs" },
    exports: { ".": { types: "./library.d.ts", default: "./library.js" } },
  };
}

/** The library as a module: what it exports are the names of its CommonJS file, which shares its pieces with the program. */
export function libraryModule(names: readonly string[]): string {
  return `import library from "./library.cjs";\n\nexport const { ${names.join(", ")} } = library;\n`;
}
