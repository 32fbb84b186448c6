//! What a group of the history is called.

use std::collections::BTreeMap;

use portolan_core::{ApplicationKey, Dimension};

use crate::{
    countries,
    look::Look,
    text::{harmless, isolated},
};

/// The name of a group, as short as people call it. Harmless text.
pub(crate) fn name(look: &Look, by: Dimension, keys: &BTreeMap<String, String>) -> String {
    let key = match by {
        Dimension::Executable => "path",
        Dimension::Script => "script_path",
        Dimension::Parent => "parent_path",
        by => by.as_str(),
    };
    let Some(text) = keys.get(key).or_else(|| keys.get(by.as_str())) else { return unknown(look, by, keys) };
    match by {
        Dimension::Application => {
            harmless(ApplicationKey::from_stored(text.as_str().into()).display_name().as_raw())
        }
        Dimension::Country => countries::name(look, text),
        Dimension::Asn => match keys.get("asn_name") {
            Some(name) => harmless(&format!("AS{text} {name}")),
            None => harmless(&format!("AS{text}")),
        },
        Dimension::Domain | Dimension::RegistrableDomain if is_inferred(keys) => {
            harmless(&format!("~{text}"))
        }
        Dimension::User => format!("uid {}", harmless(text)),
        Dimension::Port | Dimension::RemotePort | Dimension::LocalPort => {
            look.say(format!("port {}", harmless(text)), format!("puerto {}", harmless(text)))
        }
        _ => harmless(text),
    }
}

/// Names of many groups: where two have the same, those say what tells them apart.
pub(crate) fn names(look: &Look, by: Dimension, rows: &[BTreeMap<String, String>]) -> Vec<String> {
    let names: Vec<String> = rows.iter().map(|keys| name(look, by, keys)).collect();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &names {
        *times.entry(name).or_default() += 1;
    }
    let is_shared = |name: &str| times.get(name).is_some_and(|times| *times > 1);
    let longer = |(name, keys): (&String, &BTreeMap<String, String>)| match keys.get(by.as_str()) {
        Some(key) if is_shared(name) && by == Dimension::Application => {
            format!("{name} · {}", harmless(key.split_once(':').map_or("", |(_, rest)| rest)))
        }
        Some(key) if is_shared(name) => harmless(key),
        _ => name.clone(),
    };
    names.iter().zip(rows).map(longer).collect()
}

/// The heading of a list by this dimension.
#[must_use]
pub fn heading(look: &Look, by: Dimension) -> &'static str {
    match by {
        Dimension::Application => look.say("Applications", "Aplicaciones"),
        Dimension::Executable => look.say("Executables", "Ejecutables"),
        Dimension::Script => look.say("Scripts", "Scripts"),
        Dimension::Parent => look.say("Started by", "Iniciados por"),
        Dimension::User => look.say("Users", "Usuarios"),
        Dimension::Protocol => look.say("Protocols", "Protocolos"),
        Dimension::Direction => look.say("Directions", "Sentidos"),
        Dimension::Remote => look.say("Addresses", "Direcciones"),
        Dimension::Domain => look.say("Names of the other side", "Nombres del otro lado"),
        Dimension::RegistrableDomain => look.say("Destinations", "Destinos"),
        Dimension::Range => look.say("Ranges of addresses", "Rangos de direcciones"),
        Dimension::Country => look.say("Countries", "Países"),
        Dimension::Asn => look.say("Networks", "Redes"),
        Dimension::Port | Dimension::RemotePort | Dimension::LocalPort => look.say("Ports", "Puertos"),
        Dimension::Service => look.say("Services", "Servicios"),
        Dimension::Command => look.say("Command lines", "Líneas de órdenes"),
        Dimension::Unit => look.say("Units", "Unidades"),
        Dimension::Container => look.say("Containers", "Contenedores"),
        Dimension::Namespace => look.say("Network namespaces", "Espacios de red"),
        Dimension::Time => look.say("Times", "Momentos"),
    }
}

/// Where a group has no value, why.
fn unknown(look: &Look, by: Dimension, keys: &BTreeMap<String, String>) -> String {
    if keys.contains_key("kernel") {
        return look.say("the kernel itself", "el propio núcleo").to_owned();
    }
    if let Some(reason) = keys.get("unattributed") {
        let reason = isolated(reason);
        return look.say(format!("owner not known ({reason})"), format!("dueño desconocido ({reason})"));
    }
    match by {
        Dimension::Country | Dimension::Asn => match keys.get("range") {
            Some(range) => range_name(look, range),
            None => look.say("unknown place", "lugar desconocido").to_owned(),
        },
        Dimension::Domain | Dimension::RegistrableDomain => {
            look.say("no name seen", "sin nombre visto").to_owned()
        }
        Dimension::Container => look.say("no container", "sin contenedor").to_owned(),
        Dimension::Unit => look.say("no unit", "sin unidad").to_owned(),
        _ => look.say("not known", "no se sabe").to_owned(),
    }
}

/// What a range is for that has no country.
pub(crate) fn range_name(look: &Look, range: &str) -> String {
    match range {
        "loopback" => look.say("this machine", "este equipo").to_owned(),
        "private" => look.say("local network", "red local").to_owned(),
        "link-local" => look.say("local network (link)", "red local (enlace)").to_owned(),
        "multicast" => look.say("group of receivers", "grupo de receptores").to_owned(),
        "public" => look.say("unknown place", "lugar desconocido").to_owned(),
        other => harmless(other),
    }
}

fn is_inferred(keys: &BTreeMap<String, String>) -> bool {
    keys.get("inferred").is_some_and(|inferred| inferred == "true")
}
