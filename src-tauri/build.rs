//! Embeds the built pages and declares the commands that they may call.

use std::path::Path;

fn main() -> Result<(), String> {
    let page = "../ui/dist/index.html";
    println!("cargo::rerun-if-changed={page}");
    if !Path::new(page).is_file() {
        println!(
            "cargo::error=the window's page is not built (ui/dist/index.html is missing). Run `npm ci && npm run build` \
             in the project's root first, or `cargo xtask run`, which does it for you."
        );
        return Ok(());
    }
    let commands = tauri_build::AppManifest::new().commands(&["attach", "ask", "retry"]);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands))
        .map_err(|error| format!("the app's configuration cannot be used: {error:#}"))
}
