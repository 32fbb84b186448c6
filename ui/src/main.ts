import "./fault";
import "uplot/dist/uPlot.min.css";
import "./app.css";

import { mount } from "svelte";

import App from "./App.svelte";
import { chooseBackend } from "./backend";

const target = document.getElementById("app");
if (!target) throw new Error("the page has no place for the app");
mount(App, { target, props: { backend: await chooseBackend() } });
