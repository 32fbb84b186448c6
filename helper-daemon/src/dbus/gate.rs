use portolan_bus::Error;
use portolan_core::Uid;
use zbus::{
    Connection,
    message::Header,
    names::{OwnedUniqueName, UniqueName},
};

use super::{
    Viewer, authorise,
    limits::{Calls, Place},
};

/// What every call passes, of whichever interface: the limits of its caller, then polkit.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(Calls);

/// A call that was let in.
pub(super) struct Call {
    pub(super) name: OwnedUniqueName,
    pub(super) viewer: Viewer,
    /// Held until the call is answered.
    _place: Place,
}

impl Gate {
    /// Lets a call in that reads: within its limits, with view-all or view-own.
    pub(super) async fn reader(&self, connection: &Connection, header: &Header<'_>) -> Result<Call, Error> {
        let (name, uid, place) = self.enter(connection, header).await?;
        let interactive = authorise::allows_interaction(header);
        let viewer = authorise::viewer(connection, name, uid, interactive).await?;
        Ok(Call { name: OwnedUniqueName::from(name.to_owned()), viewer, _place: place })
    }

    /// Lets a call in that decides something for all: within its limits, with arguments that can be read, with review.
    pub(super) async fn reviewer<T>(
        &self,
        connection: &Connection,
        header: &Header<'_>,
        read: impl FnOnce() -> Result<T, Error>,
    ) -> Result<(Uid, Place, T), Error> {
        let (name, uid, place) = self.enter(connection, header).await?;
        let arguments = read()?;
        authorise::reviewer(connection, name, uid, authorise::allows_interaction(header)).await?;
        Ok((uid, place, arguments))
    }

    /// Lets a call in that does something for all without deciding anything: within its limits, with view-all.
    pub(super) async fn overseer(
        &self,
        connection: &Connection,
        header: &Header<'_>,
    ) -> Result<Place, Error> {
        let (name, uid, place) = self.enter(connection, header).await?;
        authorise::overseer(connection, name, uid, authorise::allows_interaction(header)).await?;
        Ok(place)
    }

    /// Lets a call in that changes what is recorded: within its limits, with arguments that can be read, with configure.
    pub(super) async fn keeper<T>(
        &self,
        connection: &Connection,
        header: &Header<'_>,
        what: &str,
        read: impl FnOnce() -> Result<T, Error>,
    ) -> Result<(Uid, Place, T), Error> {
        let (name, uid, place) = self.enter(connection, header).await?;
        let interactive = authorise::allows_interaction(header);
        // Before the arguments are read: they may be many, and only an administrator's are worth it.
        authorise::keeper(connection, name, uid, interactive, what).await?;
        Ok((uid, place, read()?))
    }

    async fn enter<'h>(
        &self,
        connection: &Connection,
        header: &'h Header<'_>,
    ) -> Result<(&'h UniqueName<'h>, Uid, Place), Error> {
        let name = sender(header)?;
        let mut place = self.0.enter(name)?;
        let uid = authorise::uid_of(connection, name).await?;
        place.charge(uid)?;
        Ok((name, uid, place))
    }
}

/// The caller's name, which the bus puts into every message.
pub(super) fn sender<'h>(header: &'h Header<'_>) -> Result<&'h UniqueName<'h>, Error> {
    header
        .sender()
        .ok_or_else(|| Error::AccessDenied("The caller has no name: this is not a bus.".to_owned()))
}
