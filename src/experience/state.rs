//! The states of a task and the steps between them. What may follow what is one table, [`TaskState::steps`].

use crate::named::named;

named! {
    /// How an officer goes about it.
    Mode {
        /// By themselves.
        Alone = "alone", "自行体验";
        /// With somebody of the programme beside them.
        Accompanied = "accompanied", "陪同体验";
    }
}

named! {
    /// Where a task stands.
    TaskState {
        /// Planned: waits for somebody to do it.
        Planned = "planned", "待派发";
        /// Given to an officer: waits for their answer.
        Assigned = "assigned", "待接受";
        /// Declined: waits for somebody else.
        Declined = "declined", "已谢绝，待改派";
        /// Accepted: waits for the officer to begin.
        Accepted = "accepted", "已接受，待体验";
        /// Begun: waits for the report.
        UnderWay = "under_way", "体验中";
        /// Reported: waits for somebody to check the report.
        Reported = "reported", "已报告，待审核";
        /// Checked: waits to be closed.
        Checked = "checked", "已审核，待办结";
        /// Closed.
        Closed = "closed", "已办结";
        /// Called off.
        Cancelled = "cancelled", "已取消";
        /// Not reported in time, and given up.
        Expired = "expired", "已过期";
    }
}

named! {
    /// What somebody does with a task.
    Step {
        /// Gives it to an officer.
        Assign = "assign", "派发";
        /// The officer takes it.
        Accept = "accept", "接受";
        /// The officer does not.
        Decline = "decline", "谢绝";
        /// The officer begins.
        Start = "start", "开始体验";
        /// The officer reports; comes with the report alone.
        Report = "report", "提交报告";
        /// Somebody checks the report: passed, or back to the officer.
        Check = "check", "审核";
        /// Closes it.
        Close = "close", "办结";
        /// Calls it off.
        Cancel = "cancel", "取消";
        /// Gives it up after its due date.
        Expire = "expire", "过期";
    }
}

impl TaskState {
    /// The steps that may come next.
    pub fn steps(self) -> &'static [Step] {
        match self {
            Self::Planned | Self::Declined => &[Step::Assign, Step::Cancel, Step::Expire],
            Self::Assigned => &[Step::Accept, Step::Decline, Step::Cancel, Step::Expire],
            Self::Accepted => &[Step::Start, Step::Cancel, Step::Expire],
            Self::UnderWay => &[Step::Report, Step::Cancel, Step::Expire],
            Self::Reported => &[Step::Check],
            Self::Checked => &[Step::Close],
            Self::Closed | Self::Cancelled | Self::Expired => &[],
        }
    }

    /// Whether something is still to be done.
    pub fn is_open(self) -> bool {
        !self.steps().is_empty()
    }

    /// Whether the report is still to come.
    pub fn waits_for_report(self) -> bool {
        self.steps().contains(&Step::Expire)
    }
}
