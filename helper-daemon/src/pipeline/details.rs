//! What is known of an application, an executable or a flow.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicBool},
};

use portolan_bus::{Application, DetailsResult, Error, Finding, Groups};
use portolan_core::{Dimension, Executable};
use portolan_history::{
    Answer, Limits, Question, ReadError, Reader, Step, Sum,
    language::{Condition, Field, Filter, Pattern, Query, Wanted},
};

use super::{archive::Archive, atlas::Atlas};
use crate::dbus::{Of, Viewer};

/// By what each part is summed up.
const PARTS: [(&str, &[Dimension]); 5] = [
    ("executables", &[Dimension::Executable]),
    ("parents", &[Dimension::Parent]),
    ("users", &[Dimension::User]),
    ("remotes", &[Dimension::Remote, Dimension::Domain, Dimension::Country]),
    ("services", &[Dimension::Service]),
];
/// The most groups of each kind that are told, and the most applications.
const GROUPS_MAX: usize = 100;

impl Archive {
    /// What is known of one thing, as far as the viewer sees it; of findings, also what the viewer may not see.
    ///
    /// # Errors
    /// [`Error::NotFound`] when nothing that the viewer sees moved. The history cannot be read, or gives no answer.
    pub async fn details(
        &self,
        viewer: Viewer,
        of: Of,
        atlas: &Atlas,
        cancelled: Arc<AtomicBool>,
    ) -> Result<DetailsResult, Error> {
        let atlas = atlas.clone();
        let ask = move |reader: &Reader, limits: &Limits| {
            reader.together(|| tell(reader, limits, viewer, &of, &atlas))
        };
        let told = self.ask(viewer.uid, cancelled, ask).await?;
        told.ok_or_else(|| Error::NotFound("Nothing of that is in the history that you may see.".to_owned()))
    }
}

fn tell(
    reader: &Reader,
    limits: &Limits,
    viewer: Viewer,
    of: &Of,
    atlas: &Atlas,
) -> Result<Option<DetailsResult>, ReadError> {
    let query = query(of);
    let ask = |by: &[Dimension], top| -> Result<Answer, ReadError> {
        let (query, by) = (query.clone(), by.to_vec());
        let question = Question { query, by, top, viewer: viewer.only(), step: Step::default() };
        reader.answer(&question, limits)
    };
    let by = |by: &[Dimension]| -> Result<Groups, ReadError> {
        let Answer { groups: found, other, .. } = ask(by, GROUPS_MAX)?;
        Ok(Groups::found(found, other))
    };
    // All: findings are about any of them.
    let all = ask(&[Dimension::Application], usize::MAX)?;
    if all.total == Sum::default() {
        return Ok(None);
    }
    let key = |group: &portolan_history::Group| group.keys.get(Dimension::Application.as_str()).cloned();
    let keys: BTreeSet<String> = all.groups.iter().filter_map(key).collect();
    let mut applications = reader.applications(viewer.only())?;
    applications.retain(|row| keys.contains(row.application.as_untrusted().as_raw()));
    let left_out = applications.len().saturating_sub(GROUPS_MAX);
    applications.truncate(GROUPS_MAX);
    let findings = reader.findings(true, viewer.only())?.into_iter().map(Finding::found);
    Ok(Some(DetailsResult {
        total: all.total.into(),
        covered: all.covered.into(),
        applications: applications.into_iter().map(Application::found).collect(),
        applications_left_out: u64::try_from(left_out).unwrap_or(u64::MAX),
        groups: PARTS
            .iter()
            .map(|(part, dimensions)| Ok(((*part).to_owned(), by(dimensions)?)))
            .collect::<Result<_, ReadError>>()?,
        findings: findings.filter(|finding| is_about(finding, of, &keys)).collect(),
        findings_left_out: 0,
        places: atlas.sources(),
        access: viewer.access,
    }))
}

/// What details are asked for, as a question.
fn query(of: &Of) -> Query {
    let is = |field, wanted| Filter::Has(Condition { field, wanted });
    let exactly = |dimension, text: &str| is(Field::Of(dimension), Wanted::Exactly(text.to_owned()));
    let filter = match of {
        Of::Application(key) => exactly(Dimension::Application, key.as_untrusted().as_raw()),
        Of::Executable(Executable { path, sha256 }) => Filter::Every(vec![
            exactly(Dimension::Executable, path.as_raw()),
            is(Field::Sha256, Wanted::Like(Pattern::new([sha256.to_string()]))),
        ]),
        Of::Flow(query) => return query.clone(),
    };
    Query { filter, ..Query::default() }
}

/// Whether a finding is about it; of a flow, about one of its applications.
fn is_about(finding: &Finding, of: &Of, applications: &BTreeSet<String>) -> bool {
    match of {
        Of::Executable(executable) => {
            finding.path.as_deref() == Some(executable.path.as_raw())
                && finding.sha256.as_ref() == Some(&executable.sha256.to_string())
        }
        Of::Application(_) | Of::Flow(_) => {
            finding.application.as_ref().is_some_and(|application| applications.contains(application))
        }
    }
}
