//! The figures one after another, each with its name, its unit and the calls that lack what it needs: what tables and
//! the wire are written from. How they are counted is the business of [`super::kpis`] and [`super::contacts`].

use super::contacts::RepeatFigures;
use super::figures::{Interval, Mean, Share};
use super::kpis::Kpis;

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measured {
    /// A number of calls.
    Count(u64),
    /// A share of calls.
    Share(Share),
    /// A mean over calls, of values that are divided by `scale`.
    Mean {
        /// The values.
        mean: Mean,
        /// Divisor of the values: 1000 for milliseconds that are told in seconds.
        scale: f64,
    },
}

impl Measured {
    /// The number itself; `None` when no call carries what it needs.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Share(share) => share.value(),
            Self::Mean { mean, scale } => mean.value().map(|value| value / scale),
        }
    }

    /// Of a share the calls that fulfil it.
    pub fn numerator(&self) -> Option<u64> {
        match self {
            Self::Share(share) => Some(share.part),
            Self::Count(_) | Self::Mean { .. } => None,
        }
    }

    /// Calls that a share or a mean is over.
    pub fn denominator(&self) -> Option<u64> {
        match self {
            Self::Count(_) => None,
            Self::Share(share) => Some(share.of),
            Self::Mean { mean, .. } => Some(mean.count()),
        }
    }

    /// Its 95% interval.
    pub fn interval(&self) -> Option<Interval> {
        match self {
            Self::Count(_) => None,
            Self::Share(share) => share.interval(),
            Self::Mean { mean, scale } => mean.interval().map(|interval| scaled(interval, *scale)),
        }
    }

    /// This less another of the same kind, with its interval.
    pub fn less(&self, other: &Self) -> Option<Interval> {
        match (self, other) {
            (Self::Share(a), Self::Share(b)) => a.less(*b),
            (Self::Mean { mean: a, scale }, Self::Mean { mean: b, .. }) => a.less(b).map(|less| scaled(less, *scale)),
            _ => None,
        }
    }
}

fn scaled(interval: Interval, scale: f64) -> Interval {
    Interval {
        value: interval.value / scale,
        low: interval.low / scale,
        high: interval.high / scale,
    }
}

/// A figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// Name in tables and on the wire.
    pub id: &'static str,
    /// What supervisors read.
    pub title: &'static str,
    /// What was counted.
    pub measured: Measured,
    /// Calls that it is about, whether they carry what it needs or not.
    pub about: u64,
}

impl Figure {
    /// Calls that it is about and that do not carry what it needs.
    pub fn missing(&self) -> u64 {
        self.measured.denominator().map_or(0, |of| self.about.saturating_sub(of))
    }

    pub(super) fn count(id: &'static str, title: &'static str, count: u64) -> Self {
        Self { id, title, measured: Measured::Count(count), about: count }
    }

    pub(super) fn share(id: &'static str, title: &'static str, share: Share, about: u64) -> Self {
        Self { id, title, measured: Measured::Share(share), about }
    }

    fn seconds(id: &'static str, title: &'static str, mean: Mean, about: u64) -> Self {
        Self { id, title, measured: Measured::Mean { mean, scale: 1000.0 }, about }
    }
}

/// Names of the bands of scores, lowest first.
const BANDS: [(&str, &str); 5] = [
    ("score_band_1", "得分 60 以下"),
    ("score_band_2", "得分 60–69"),
    ("score_band_3", "得分 70–79"),
    ("score_band_4", "得分 80–89"),
    ("score_band_5", "得分 90–100"),
];

impl Kpis {
    /// Every figure, always the same ones in the same order.
    pub fn figures(&self) -> Vec<Figure> {
        let (offered, taken, judged) = (self.offered, self.taken, self.conversations);
        // Whoever was not answered has no wait until an answer.
        let answered = self.connected.part;
        let abandoned = Share::new(self.unanswered, self.connected.of);
        let [within_15, within_20] = self.service_levels();
        let mut figures = vec![
            Figure::count("offered", "来电量", offered),
            Figure::count("outbound", "呼出", self.outbound),
            Figure::count("written", "书面留言", self.written),
            Figure::count("experience", "体验官反馈", self.experience),
            Figure::count("unanswered", "未接通", self.unanswered),
            Figure::share("connected", "接通率", self.connected, offered),
            Figure::share("abandoned", "放弃率", abandoned, offered),
            Figure::share("service_level", "服务水平", self.service_level(), offered),
            Figure::share("service_level_15", "15 秒服务水平", within_15, offered),
            Figure::share("service_level_20", "20 秒服务水平", within_20, offered),
            Figure::seconds("asa_s", "平均等待（秒）", self.wait_ms, answered),
            Figure::seconds("talk_s", "平均通话（秒）", self.talk_ms, taken),
            Figure::seconds("hold_s", "平均保持（秒）", self.hold_ms, taken),
            Figure::seconds("aht_s", "平均处理时长（秒）", self.handle_ms, taken),
            Figure::share("transferred", "转接率", self.transferred, taken),
            Figure::share("satisfied", "满意率", self.satisfied, taken),
            Figure::share("dissatisfied", "不满意率", self.dissatisfied, taken),
            Figure::share("rated", "参评率", self.rated(), taken),
            Figure {
                id: "score",
                title: "质检均分",
                measured: Measured::Mean { mean: self.score, scale: 1.0 },
                about: judged,
            },
        ];
        let scored: u64 = self.bands.iter().sum();
        let bands = BANDS.iter().zip(self.bands);
        figures.extend(bands.map(|(&(id, title), n)| Figure::share(id, title, Share::new(n, scored), judged)));
        figures.extend([
            Figure::share("fatal", "一票否决", self.fatal, judged),
            Figure::share("faultless", "没有服务问题", self.faultless, judged),
            Figure::share("resolved", "当场办结", self.resolved, judged),
            Figure::share("repeated", "重复来电", self.repeated, judged),
            Figure::share("in_review", "有待复核的发现", self.in_review, judged),
        ]);
        figures
    }
}

impl RepeatFigures {
    /// Every figure.
    pub fn figures(&self) -> [Figure; 3] {
        let about = self.contacts;
        [
            Figure::share("repeat_contact", "重复来电率（按来电人）", self.repeats, about),
            Figure::share("not_again", "首次来电后未再来电", self.not_again, about.saturating_sub(self.repeats.part)),
            Figure::share("fcr", "首次解决率", self.resolved, about.saturating_sub(self.repeats.part)),
        ]
    }
}
