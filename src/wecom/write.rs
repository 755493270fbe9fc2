//! Calls that change something. The client makes them once: after an answer that never came or
//! was cut off, the change may have been carried out, and a second one could carry it out
//! twice. Whoever asked looks first.

use serde::{Serialize, de::DeserializeOwned};

use super::{
    client::{Client, Purpose, parse},
    error::{Class, Error},
};

impl Client {
    /// A POST call that changes something.
    pub(super) async fn write<B: Serialize + Sync, A: DeserializeOwned>(
        &self,
        purpose: Purpose,
        call: &'static str,
        body: &B,
    ) -> Result<A, Error> {
        self.change(purpose, call, &[], Some(body)).await
    }

    /// The same with GET, as WeCom has it for some deletions.
    pub(super) async fn write_by_get<A: DeserializeOwned>(
        &self,
        purpose: Purpose,
        call: &'static str,
        query: &[(&str, &str)],
    ) -> Result<A, Error> {
        self.change::<(), A>(purpose, call, query, None).await
    }

    /// One attempt; a second one only with a new token, because without a good one nothing
    /// is carried out.
    async fn change<B: Serialize + Sync, A: DeserializeOwned>(
        &self,
        purpose: Purpose,
        call: &'static str,
        query: &[(&str, &str)],
        body: Option<&B>,
    ) -> Result<A, Error> {
        let answered = match self.once(purpose, call, query, body).await {
            Err(failed) if failed.class() == Some(Class::TokenInvalid) => {
                self.forget_token(purpose).await;
                self.once(purpose, call, query, body).await
            }
            answered => answered,
        };
        parse(call, &answered?)
    }
}
