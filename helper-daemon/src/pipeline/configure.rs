//! Another configuration while the recorder runs.

use portolan_config::Config;

use super::{privacy::Privacy, recorder::Recorder};
use crate::clock::Now;

impl Recorder {
    /// Goes on with another configuration. What was counted by now is written as the one before wanted it.
    pub(super) fn configure(&mut self, config: &Config, now: Now) {
        self.settle(now);
        self.write(Vec::new());
        self.pace.change(now, &config.recording);
        if self.processes.keep_command_lines(config.recording.command_lines) {
            // The history may not have all rows of the old journal yet; the new one would give them up.
            self.rewrites_journal = true;
        }
        // Once learning has ended, it does not begin again.
        self.learning_period = config.learning.period;
        self.privacy = Privacy::of(config);
        self.writer.keep(config.retention);
    }
}
