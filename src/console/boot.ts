import "./css/layers.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { address } from "./address.svelte.ts";
import { applyTheme } from "./theme.ts";

applyTheme();
address.start();
mount(App, { target: document.body });
