//! The states of a case, the steps between them, and what opens one. What may follow what is one table, [`State::steps`].

use crate::named::named;

named! {
    /// Why a case was opened.
    Cause {
        /// The caller's own rating.
        Rating = "rating", "差评";
        /// A grave fault that the machine asserts and nobody has overruled.
        Finding = "finding", "严重服务问题";
        /// A life in danger.
        Crisis = "crisis", "危机情形";
        /// A topic that burst.
        Alert = "alert", "突发诉求";
        /// A fault that stands by people's decision.
        Review = "review", "复核成立";
        /// Somebody opened it.
        Hand = "hand", "手工立案";
        /// An experience officer reports that it went badly.
        Experience = "experience", "体验官反映";
    }
}

named! {
    /// Where a case stands: what it waits for.
    State {
        /// Opened or reopened: waits for verification.
        Opened = "opened", "待核实";
        /// Verified and confirmed: waits to be assigned.
        Confirmed = "confirmed", "待派单";
        /// Verified and unfounded: waits to be closed.
        Unfounded = "unfounded", "核实不属实，待办结";
        /// Assigned: waits for rectification.
        Assigned = "assigned", "待整改";
        /// Rectified: waits for the reply to the caller.
        Rectified = "rectified", "待回复来电人";
        /// Replied: waits for the recheck.
        Replied = "replied", "待复核";
        /// The recheck has passed: waits to be closed.
        Rechecked = "rechecked", "复核通过，待办结";
        /// A rating is contested: waits for the decision; no other step is taken meanwhile.
        Contested = "contested", "误评申诉待裁定";
        /// Closed.
        Closed = "closed", "已办结";
        /// The rating was found false: the case is over and counts no more.
        Excluded = "excluded", "误评，不计入";
    }
}

named! {
    /// What somebody does.
    Step {
        /// Looks into it: confirmed or unfounded.
        Verify = "verify", "核实";
        /// Gives it to whoever is to mend it; can be repeated until they have.
        Assign = "assign", "派单";
        /// Says what was done.
        Rectify = "rectify", "整改";
        /// Says how the caller was told, and what the caller said.
        Reply = "reply", "回复来电人";
        /// Looks whether it is mended: passed, or back to rectification.
        Recheck = "recheck", "复核";
        /// Closes it.
        Close = "close", "办结";
        /// Says that the rating is false.
        Contest = "contest", "误评申诉";
        /// Decides whether it is.
        Decide = "decide", "误评裁定";
        /// Opens it again, to be verified anew.
        Reopen = "reopen", "重新办理";
    }
}

impl State {
    /// The steps that may come next. A contest comes beside these, once from each opening to the closing, of ratings alone.
    pub fn steps(self) -> &'static [Step] {
        match self {
            Self::Opened => &[Step::Verify],
            Self::Confirmed => &[Step::Assign],
            Self::Assigned => &[Step::Rectify, Step::Assign],
            Self::Rectified => &[Step::Reply],
            Self::Replied => &[Step::Recheck],
            Self::Rechecked | Self::Unfounded => &[Step::Close],
            Self::Contested => &[Step::Decide],
            Self::Closed | Self::Excluded => &[Step::Reopen],
        }
    }

    /// Whether something is still to be done.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Closed | Self::Excluded)
    }
}
