// Builds the portal's styles and scripts. usage: node build.mjs PACKAGES SOURCE OUT
// PACKAGES holds node_modules; nothing is fetched here.
import { createRequire } from "node:module";
import { mkdir, readdir, writeFile, copyFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [packages, source, out] = process.argv.slice(2);
const require = createRequire(pathToFileURL(join(packages, "package.json")));
const sass = require("sass");
const esbuild = require("esbuild");

await mkdir(out, { recursive: true });

const styles = sass.compile(join(source, "styles/portal.scss"), {
  loadPaths: [join(packages, "node_modules")],
  quietDeps: true,
  style: "compressed",
});
const packed = await esbuild.transform(styles.css, { loader: "css", minify: true, target: ["chrome110", "firefox115", "safari16"] });
await writeFile(join(out, "portal.css"), packed.code);

const entries = (await readdir(join(source, "scripts"))).filter((name) => name.endsWith(".ts"));
await esbuild.build({
  entryPoints: entries.map((name) => join(source, "scripts", name)),
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome110", "firefox115", "safari16"],
  nodePaths: [join(packages, "node_modules")],
  legalComments: "none",
});

for (const name of await readdir(join(source, "pictures"))) {
  await copyFile(join(source, "pictures", name), join(out, name));
}
