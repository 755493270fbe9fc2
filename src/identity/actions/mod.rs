//! Everything that changes accounts, sessions, tokens, roles and settings.
//!
//! What somebody signed in does takes [`Allowed`](super::Allowed). The doors for those who
//! are not ([`sign_in`], [`redeem`]) prove their right by password or code instead; they are
//! throttled, and slow work is done outside the writer.

mod access;
mod accounts;
mod doors;
mod members;
mod second_factor;
mod security;
mod sessions;

pub(super) use accounts::has_super_admin;
pub(super) use sessions::of_account as sessions_of;

pub use access::{
    CreateToken, DeleteRole, RevokeToken, SaveAccessSettings, SaveRole, create_token, delete_role,
    revoke_token, save_access_settings, save_role,
};
pub use accounts::{
    CreateAccount, DisableAccount, EnableAccount, FirstClaim, NewAccount, ResetPassword,
    SavePreferences, UpdateAccount, UpdateProfile, create_account, disable_account, enable_account,
    ensure_first_claim, member_back, member_gone, renew_first_claim, reset_password,
    save_preferences, update_account, update_profile,
};
pub use doors::{Credentials, Redemption, change_password, redeem, second_step, sign_in, step_up};
pub use members::{ProvenMember, enter_member, fail_member, use_state, wecom_act};
pub use second_factor::{
    BeginEnrolment, ConfirmEnrolment, DropSecondFactor, RemoveSecondFactor, RenewRecoveryCodes,
    begin_enrolment, confirm_enrolment, drop_second_factor, remove_second_factor,
    renew_recovery_codes,
};
pub use security::{
    DeleteRule, MoveRule, SaveRule, SaveSecurity, delete_rule, move_rule, save_rule, save_security,
};
pub use sessions::{
    EndSessions, Entered, RevokeOtherSessions, RevokeSession, SignOut, end_sessions, housekeeping,
    revoke_other_sessions, revoke_session, sign_out, touch,
};
