use anyhow::anyhow;

/// Connects to the display. Tauri would do so by itself, and panic where there is none.
pub(crate) fn open_display() -> anyhow::Result<()> {
    gtk::init().map_err(|_| {
        anyhow!(
            "there is no display: DISPLAY or WAYLAND_DISPLAY is not set or leads nowhere. In a terminal without a \
             desktop use “portolan watch”."
        )
    })?;
    // The panel's tooltip shows it.
    gtk::glib::set_application_name("Portolan");
    Ok(())
}
