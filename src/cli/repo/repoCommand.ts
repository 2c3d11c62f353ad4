import { Command } from "commander";
import { addAdd } from "./addCommand.ts";
import { addInit } from "./initCommand.ts";
import { addRefresh } from "./refreshCommand.ts";
import { addRemove } from "./removeCommand.ts";
import { rootCommand } from "./rootCommand.ts";
import { addSet } from "./setCommand.ts";
import { addShow } from "./showCommand.ts";

/** `nearsource repo`: makes and signs the repositories that everything else distributes. */
export function repoCommand(): Command {
  const repo = new Command("repo").description("make and sign the repositories that agents update from");
  addInit(repo);
  addAdd(repo);
  addSet(repo);
  addRemove(repo);
  addRefresh(repo);
  addShow(repo);
  repo.addCommand(rootCommand());
  return repo;
}
