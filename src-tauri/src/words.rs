//! What the tray and the notifications say, in the person's language. Texts of the daemon stay as they come.

/// A language that the app speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Language {
    /// English.
    #[default]
    En,
    /// Spanish.
    Es,
}

impl Language {
    /// The language of the session: the first of these that says something decides.
    pub(crate) fn of_session() -> Self {
        let values = ["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| std::env::var(name).unwrap_or_default());
        Self::of_locale(values.iter().find(|value| !value.is_empty()).map_or("", String::as_str))
    }

    fn of_locale(locale: &str) -> Self {
        match locale.split(['_', '.', '@', '-']).next() {
            Some(tag) if tag.eq_ignore_ascii_case("es") => Self::Es,
            _ => Self::En,
        }
    }

    fn say(self, en: &'static str, es: &'static str) -> &'static str {
        match self {
            Self::En => en,
            Self::Es => es,
        }
    }
}

/// Each phrase once, with its translation.
macro_rules! phrases {
    ($($name:ident: $en:literal, $es:literal;)*) => {
        impl Language {
            $(pub(crate) fn $name(self) -> &'static str { self.say($en, $es) })*
        }
    };
}

phrases! {
    // The tray.
    recording: "Recording", "Registrando";
    recording_reduced: "Recording with limits", "Registrando con limitaciones";
    connecting: "Looking for Portolan's daemon…", "Buscando el servicio de Portolan…";
    gone: "Portolan's daemon is not running", "El servicio de Portolan no está en marcha";
    denied: "No permission to see the traffic", "Sin permiso para ver el tráfico";
    nothing_to_review: "nothing to review", "nada por revisar";
    no_rates: "Rate not known yet", "Velocidad aún desconocida";
    review: "Review", "Revisar";
    open: "Open Portolan", "Abrir Portolan";
    charts: "Charts", "Gráficos";
    map: "Map", "Mapa";
    live: "Live", "En directo";
    snooze: "Snooze all that waits", "Posponer todo lo pendiente";
    quarter: "15 minutes", "15 minutos";
    hour: "1 hour", "1 hora";
    tomorrow: "Until tomorrow", "Hasta mañana";
    pause: "Pause notifications", "Pausar las notificaciones";
    settings: "Settings", "Ajustes";
    about: "About Portolan", "Acerca de Portolan";
    quit: "Quit (recording goes on)", "Salir (se sigue registrando)";
    // The buttons of notifications.
    approve: "Approve", "Aprobar";
    ignore: "Ignore", "Ignorar";
    details: "Details", "Detalles";
    no_buttons: "Open Portolan to answer.", "Abra Portolan para responder.";
    // Their titles; a name follows.
    new_application: "New application on the network: ", "Aplicación nueva en la red: ";
    changed_application: "Changed application: ", "Aplicación modificada: ";
    changed_file: "Changed file of an application: ", "Archivo modificado de una aplicación: ";
    foreign_code: "Foreign code in an application: ", "Código ajeno en una aplicación: ";
    unidentified: "Program that cannot be identified: ", "Programa que no se puede identificar: ";
    not_stored: "Your answer was not stored: ", "Su respuesta no se ha guardado: ";
    // Titles of what is about the daemon.
    lost_events: "Portolan lost events", "Portolan ha perdido eventos";
    self_test_failed: "Portolan's self-test failed", "La autocomprobación de Portolan ha fallado";
    unbalanced: "Portolan's count does not add up", "El recuento de Portolan no cuadra";
    history_damaged: "Portolan's history was damaged", "El historial de Portolan estaba dañado";
    history_not_written: "Portolan's history could not be written", "No se ha podido escribir el historial de Portolan";
    preferences_broken: "Your choices could not be read", "No se han podido leer sus preferencias";
    not_snoozed: "Not everything was snoozed", "No se ha pospuesto todo";
    not_kept: "Your choice was not kept", "Su preferencia no se ha guardado";
    // Parts of bodies.
    baseline: "They talked in the first hours, and packages own them. Have a look at the list.",
        "Se comunicaron en las primeras horas y pertenecen a paquetes. Eche un vistazo a la lista.";
    no_file: "(its file is not known)", "(se desconoce su archivo)";
    not_known: "(not known)", "(desconocido)";
    started_by: " · started by ", " · iniciado por ";
    content_was: "\nIts content was ", "\nSu contenido era ";
    is_now: "…, is now ", "…, ahora es ";
    content_is_now: "\nIts content is now ", "\nSu contenido ahora es ";
    content_changed: "\nIts content changed.", "\nSu contenido ha cambiado.";
    changed: "\nChanged", "\nModificado";
    removed: "\nRemoved", "\nEliminado";
    by: " by ", " por ";
    by_unknown: "; by whom is not known.", "; no se sabe por quién.";
    differs: "differs from ", "difiere del ";
    unchecked: ", not checked", ", sin comprobar";
    of_no_package: "of no package", "sin paquete";
    // Failures of what the page asks.
    not_absolute: "Only a folder with an absolute path can be opened.",
        "Solo se puede abrir una carpeta con una ruta absoluta.";
    not_there: "That file is not there any more.", "Ese archivo ya no existe.";
    no_opener: "The desktop has no program that opens it (org.freedesktop.FileManager1, xdg-open).",
        "El escritorio no tiene ningún programa que lo abra (org.freedesktop.FileManager1, xdg-open).";
    // Files that the person names.
    save_picture: "Save picture", "Guardar imagen";
    save_report: "Save the report", "Guardar el informe";
    save: "_Save", "_Guardar";
    cancel: "_Cancel", "_Cancelar";
    export_reviews: "Export the answers", "Exportar las respuestas";
    import_reviews: "Import answers", "Importar respuestas";
    import: "_Look at it", "_Examinar";
    of_png: "Picture (PNG)", "Imagen (PNG)";
    of_svg: "Drawing (SVG)", "Dibujo (SVG)";
    of_answers: "Answers of Portolan (JSON)", "Respuestas de Portolan (JSON)";
    of_page: "Page (HTML)", "Página (HTML)";
    no_month: "There is no such month.", "No existe ese mes.";
    no_dialog: "The dialog for the file cannot be shown.", "No se puede mostrar el diálogo del archivo.";
    not_a_dimension: "There is no such grouping to draw.", "No existe esa agrupación que dibujar.";
    no_hash: "This is not a SHA-256: 64 hexadecimal digits are needed.",
        "Esto no es un SHA-256: se necesitan 64 cifras hexadecimales.";
}

impl Language {
    /// `3 to review`.
    pub(crate) fn to_review(self, count: usize) -> String {
        match self {
            Self::En => format!("{count} to review"),
            Self::Es => format!("{count} por revisar"),
        }
    }

    /// `12 kB/s, average of 60 s`.
    pub(crate) fn average(self, rate: &str, seconds: u64) -> String {
        match self {
            Self::En => format!("{rate}, average of {seconds} s"),
            Self::Es => format!("{rate}, media de {seconds} s"),
        }
    }

    pub(crate) fn learned(self, count: usize) -> String {
        match (self, count) {
            (Self::En, 1) => "Portolan has learned 1 application".to_owned(),
            (Self::En, _) => format!("Portolan has learned {count} applications"),
            (Self::Es, 1) => "Portolan ha aprendido 1 aplicación".to_owned(),
            (Self::Es, _) => format!("Portolan ha aprendido {count} aplicaciones"),
        }
    }

    /// Followed by [`Self::by`] and a name.
    pub(crate) fn upgraded(self, count: usize) -> String {
        match (self, count) {
            (Self::En, 1) => "1 application was upgraded".to_owned(),
            (Self::En, _) => format!("{count} applications were upgraded"),
            (Self::Es, 1) => "1 aplicación actualizada".to_owned(),
            (Self::Es, _) => format!("{count} aplicaciones actualizadas"),
        }
    }

    /// Many findings in one notification.
    pub(crate) fn waiting(self, count: usize, what: Waiting) -> String {
        let (en, es) = match what {
            Waiting::New => ("new applications are", "aplicaciones nuevas esperan"),
            Waiting::Changed => ("changed applications are", "aplicaciones modificadas esperan"),
            Waiting::NewOrChanged => {
                ("new or changed applications are", "aplicaciones nuevas o modificadas esperan")
            }
            Waiting::Programs => ("programs are", "programas esperan"),
            Waiting::Findings => ("findings are", "avisos esperan"),
        };
        match self {
            Self::En => format!("{count} {en} waiting for review"),
            Self::Es => format!("{count} {es} su revisión"),
        }
    }

    /// A name follows.
    pub(crate) fn package(self, manager: &str) -> String {
        match self {
            Self::En => format!("{manager} package "),
            Self::Es => format!("paquete {manager} "),
        }
    }

    /// A file of answers that means nothing, and why.
    pub(crate) fn not_imported(self, path: &str, why: &dyn std::fmt::Display) -> String {
        match self {
            Self::En => format!("{path} cannot be imported, and nothing was changed: {why}."),
            Self::Es => format!("{path} no se puede importar y no se ha cambiado nada: {why}."),
        }
    }

    pub(crate) fn more(self, count: usize) -> String {
        match self {
            Self::En => format!(" and {count} more"),
            Self::Es => format!(" y {count} más"),
        }
    }

    /// Where a broken file of choices was put; `None` where it could not be moved.
    pub(crate) fn kept_aside(self, file: Option<&str>) -> String {
        match (self, file) {
            (Self::En, Some(file)) => format!(" The file was kept as {file}; the usual choices apply."),
            (Self::En, None) => " The usual choices apply until the file is mended.".to_owned(),
            (Self::Es, Some(file)) => {
                format!(" El archivo se ha conservado como {file}; se aplican las opciones habituales.")
            }
            (Self::Es, None) => {
                " Se aplican las opciones habituales hasta que se corrija el archivo.".to_owned()
            }
        }
    }
}

/// What waits, in a notification for many.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Waiting {
    New,
    Changed,
    NewOrChanged,
    Programs,
    Findings,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_names_the_language() {
        for (locale, language) in [
            ("es_ES.UTF-8", Language::Es),
            ("es", Language::Es),
            ("C.UTF-8", Language::En),
            ("", Language::En),
        ] {
            assert_eq!(Language::of_locale(locale), language, "{locale}");
        }
        assert_eq!(Language::of_locale("est"), Language::En);
    }

    #[test]
    fn numbers_have_their_plural() {
        assert_eq!(Language::En.learned(1), "Portolan has learned 1 application");
        assert_eq!(Language::Es.upgraded(12), "12 aplicaciones actualizadas");
    }
}
