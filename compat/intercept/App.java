// What Java's own clients of HTTP make of AWS's hosts.
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class App {
    public static void main(String[] args) throws Exception {
        URI sts = URI.create("https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15");
        System.out.println(((HttpURLConnection) sts.toURL().openConnection()).getResponseCode());
        System.out.println(HttpClient.newHttpClient().send(HttpRequest.newBuilder(sts).build(), HttpResponse.BodyHandlers.ofString()).body());
    }
}
